/** Status of a job whose children the API server refuses: what stands without them, and why it waits. */
import { canonicalJson } from '@attune/crds/canonical-json.ts'
import type { InstructionTuningJobStatus } from '@attune/crds/instruction-tuning-job-status.ts'
import { jobConditions, type Note } from './job-conditions.ts'
import type { InstructionTuningJob } from './kinds.ts'

/** @returns undefined where status says it already */
export const blockedStatus = (
  { metadata, spec, status: before }: InstructionTuningJob,
  status: InstructionTuningJobStatus | undefined,
  note: Note,
  now: number,
): InstructionTuningJobStatus | undefined => {
  const run = status?.runs?.at(-1)
  if (!run || !spec) return undefined
  const generation = metadata.generation ?? 0
  const known = { conditions: before?.conditions ?? [], generation }
  const next = {
    ...status,
    observedGeneration: generation,
    conditions: jobConditions(run, { spec, note }, known, now),
  }
  return canonicalJson(next) === canonicalJson(before) ? undefined : next
}
