/** What a TuningPolicy does not allow of a run: of its spec, and of the content that it takes. */
import type { RunStatus } from '@attune/crds/instruction-tuning-job-status.ts'
import type { ResolvedSpec } from '@attune/crds/resolved-spec.ts'
import type { InstructionDataset } from '../dataset/kinds.ts'
import type { TuningPolicy } from '../policy/kinds.ts'
import { contentViolations, datasetUris, violations } from '../policy/violations.ts'

export type RunOfJob = {
  /** with what its references stand for */
  readonly spec: ResolvedSpec
  readonly run: RunStatus
  /** the one that the spec names */
  readonly dataset?: InstructionDataset | undefined
}

/** A content may be older than the policy, and its dataset edited since: the run knows what it keeps. */
const contentOf = ({ spec, run, dataset }: RunOfJob) => {
  const name = spec.dataset.ref?.name
  if (name === undefined) return undefined
  const sources = run.content?.sources ?? (dataset?.spec && datasetUris(dataset.spec))
  return sources && { dataset: name, sources }
}

export const runViolations = (made: RunOfJob, policy: TuningPolicy): readonly string[] => {
  const content = contentOf(made)
  return [...violations(made.spec, policy), ...(content ? contentViolations(content, policy) : [])]
}
