/** Which writes of a job's status tell of details alone and can wait for the next. */
import { canonicalJson } from '@attune/crds/canonical-json.ts'
import type {
  InstructionTuningJobStatus,
  RunStatus,
  StageStatus,
} from '@attune/crds/instruction-tuning-job-status.ts'
import { heldMs } from '../kube/status-pace.ts'
import type { Observed } from './situation.ts'

const stageFacts = ({ state, attempts = 0, retries = 0, memoryKills = 0 }: StageStatus) =>
  // the first pod of a stage follows from its start; those after it are counted one by one
  [state, Math.max(1, attempts), retries, memoryKills]

const runFacts = ({ number, phase, rerun, publishRetry, model, content, stages }: RunStatus) => [
  [number, phase, rerun ?? null, publishRetry ?? null],
  [model ?? null, content ?? null],
  stages.map(stageFacts),
]

/** What later decisions build on: lost with the operator's process, it could not be found out again. */
const facts = (status: InstructionTuningJobStatus | undefined) =>
  canonicalJson((status?.runs ?? []).map(runFacts))

/** How much longer a write of that status is held back; 0 where it is not. */
export const heldStatusMs = (
  { job, pods, holdMs }: Pick<Observed, 'job' | 'pods' | 'holdMs'>,
  next: InstructionTuningJobStatus,
): number => {
  // what a pod that is being removed has used is not known any more after it
  const isUrgent =
    facts(job.status) !== facts(next) || pods.some(({ metadata }) => metadata.deletionTimestamp)
  return isUrgent ? 0 : heldMs(job.status, next, holdMs)
}
