/** Status of a job whose children the API server refuses: as before, and why it waits. */
import { canonicalJson } from '@attune/crds/canonical-json.ts'
import type { InstructionTuningJobStatus } from '@attune/crds/instruction-tuning-job-status.ts'
import { jobConditions, type Note } from './job-conditions.ts'
import type { InstructionTuningJob } from './kinds.ts'

/** @returns undefined where status says it already */
export const blockedStatus = (
  { metadata, status }: InstructionTuningJob,
  note: Note,
  now: number,
): InstructionTuningJobStatus | undefined => {
  const run = status?.runs?.at(-1)
  if (!run) return undefined
  const generation = metadata.generation ?? 0
  const before = { conditions: status?.conditions ?? [], generation }
  const next = {
    ...status,
    observedGeneration: generation,
    conditions: jobConditions(run, { note }, before, now),
  }
  return canonicalJson(next) === canonicalJson(status) ? undefined : next
}
