/** `git revert`: a spec that an earlier run has published already is finished at once, with what that run made. */
import type { RunStatus } from '@attune/crds/instruction-tuning-job-status.ts'
import { canonicalJson } from '@attune/crds/canonical-json.ts'
import type { ResolvedSpec } from '@attune/crds/resolved-spec.ts'
import { artifactsLost, artifactsReused } from '../events.ts'
import { rfc3339Seconds } from '../../kube/conditions.ts'
import { artifactsProblem } from '../output-claim.ts'
import { isFinished, withRun } from '../run.ts'
import type { JobEvent, RunStep, Situation } from '../situation.ts'

const source = ({ model }: RunStatus) => canonicalJson(model?.source ?? null)

/** A reference stands for whatever was behind it when a run took it: what both took is compared. */
const haveEqualInputs = ({ model, dataset }: ResolvedSpec, a: RunStatus, b: RunStatus): boolean => {
  const isReferred = model.ref !== undefined || model.selector !== undefined
  if (isReferred && (!a.model || source(a) !== source(b))) return false
  const { contentHash } = a.content ?? {}
  return !dataset.ref || (contentHash !== undefined && contentHash === b.content?.contentHash)
}

const isPublished = ({ phase, artifacts = [] }: RunStatus): boolean =>
  phase === 'Succeeded' && artifacts.length > 0

export type Published = {
  readonly run: RunStatus
  /** why its artifacts cannot be counted on any more */
  readonly problem?: string
}

/** The newest run that published the same spec on the same inputs; undefined where none did. */
export const publishedBefore = (
  { runs, spec, specHash, observed }: Pick<Situation, 'runs' | 'spec' | 'specHash' | 'observed'>,
  next: RunStatus,
): Published | undefined => {
  const run = runs.findLast(
    earlier =>
      earlier.number < next.number &&
      earlier.specHash === specHash &&
      isPublished(earlier) &&
      haveEqualInputs(spec, next, earlier),
  )
  const problem = run && artifactsProblem(run, spec, observed.outputClaim)
  return run && { run, ...(problem === undefined ? {} : { problem }) }
}

/** @param next the new run, of which no stage has begun */
export const reuseRun = (donor: RunStatus, next: RunStatus, finishedAt: string): RunStatus => {
  const { workspace, dataset, plan, training, evaluation, score, artifacts, outputClaim } = donor
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

export const reuseEvent = (number: number, { run, problem }: Published): JobEvent =>
  problem === undefined
    ? artifactsReused(number, run.number)
    : artifactsLost(number, run.number, problem)

/** What a run that has begun no stage may take over; undefined, too, while a reference of its spec is not taken. */
export const reusable = (situation: Situation, run: RunStatus): Published | undefined => {
  if (isFinished(run) || run.stages.some(({ state }) => state !== 'Pending')) return undefined
  // `attune.dev/rerun` asked for it
  const earlier = situation.runs.at(-2)
  return earlier && earlier.rerun !== run.rerun ? undefined : publishedBefore(situation, run)
}

export const reusePublished: RunStep = situation => {
  const { run, runs, now } = situation
  const before = reusable(situation, run)
  if (!before || before.problem !== undefined) return undefined
  return {
    runs: withRun(runs, reuseRun(before.run, run, rfc3339Seconds(now))),
    events: [artifactsReused(run.number, before.run.number)],
  }
}
