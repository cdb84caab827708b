/** Whether the current run of a job has yet to take its model from the catalogue. */
import type { InstructionTuningJob } from './kinds.ts'
import { isFinished } from './run.ts'

export const awaitsModel = ({ spec, status }: InstructionTuningJob): boolean => {
  if (!spec || (!spec.model.ref && !spec.model.selector)) return false
  const run = status?.runs?.at(-1)
  return !run || (!run.model && !isFinished(run))
}
