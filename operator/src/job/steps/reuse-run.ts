/** `git revert`: a spec that an earlier run has published already is finished at once, with what that run made. */
import type { RunStatus } from '@attune/crds/instruction-tuning-job-status.ts'
import type { ResolvedSpec } from '@attune/crds/resolved-spec.ts'
import { artifactsProblem } from '../output-claim.ts'
import type { Situation } from '../situation.ts'

/** A reference stands for whatever is behind it now, which may be something else than it was then. */
const namesItsInputs = ({ model, dataset }: ResolvedSpec): boolean =>
  !model.ref && !model.selector && dataset.sources !== undefined

const isPublished = ({ phase, artifacts = [] }: RunStatus): boolean =>
  phase === 'Succeeded' && artifacts.length > 0

export type Published = {
  readonly run: RunStatus
  /** why its artifacts cannot be counted on any more */
  readonly problem?: string
}

/** The newest run that published the same spec; undefined where none did. */
export const publishedBefore = ({
  runs,
  spec,
  specHash,
  observed,
}: Pick<Situation, 'runs' | 'spec' | 'specHash' | 'observed'>): Published | undefined => {
  if (!namesItsInputs(spec)) return undefined
  const run = runs.findLast(earlier => earlier.specHash === specHash && isPublished(earlier))
  const problem = run && artifactsProblem(run, spec, observed.outputClaim)
  return run && { run, ...(problem === undefined ? {} : { problem }) }
}

/** @param next the new run, just accepted */
export const reuseRun = (donor: RunStatus, next: RunStatus): RunStatus => {
  const { workspace, dataset, plan, training, evaluation, score, artifacts, outputClaim } = donor
  const finishedAt = next.startedAt
  return {
    ...next,
    phase: 'Succeeded',
    message: `run ${donor.number} has published the same spec; its artifacts and evaluation stand`,
    finishedAt,
    stages: donor.stages.map(({ name, key, digest, fromRun }) => ({
      name,
      state: 'Skipped' as const,
      ...(key === undefined ? {} : { key }),
      ...(digest === undefined ? {} : { digest }),
      fromRun: fromRun ?? donor.number,
      finishedAt,
    })),
    ...(workspace === undefined ? {} : { workspace }),
    ...(dataset === undefined ? {} : { dataset }),
    ...(plan === undefined ? {} : { plan }),
    ...(training === undefined ? {} : { training }),
    ...(evaluation === undefined ? {} : { evaluation }),
    ...(score === undefined ? {} : { score }),
    ...(artifacts === undefined ? {} : { artifacts }),
    ...(outputClaim === undefined ? {} : { outputClaim }),
  }
}
