/** What TuningPolicies hold back, as the status of jobs and datasets tells it. */
import type { InstructionDataset } from '../dataset/kinds.ts'
import { queueOfDataset } from '../dataset/scheduling.ts'
import type { InstructionTuningJob } from '../job/kinds.ts'
import { runViolations } from '../job/run-violations.ts'
import { specOfRun } from '../job/spec-of-run.ts'
import { type Condition, findCondition } from '../kube/conditions.ts'
import type { Change } from '../kube/predicates.ts'
import type { TuningPolicy } from './kinds.ts'
import { datasetViolations } from './violations.ts'

type Told = { readonly status?: { readonly conditions?: readonly Condition[] | undefined } }

/** @returns what it waits for; undefined where no policy holds it back */
const heldNote = (object: Told | undefined): string | undefined => {
  const stalled = findCondition(object?.status?.conditions, 'Stalled')
  const isHeld = stalled?.status === 'True' && stalled.reason === 'PolicyViolation'
  return isHeld ? stalled.message : undefined
}

/** It is held or let go, or held for something else than before. */
export const heldChanged = ({ before, after }: Change<InstructionTuningJob | InstructionDataset>) =>
  heldNote(before) !== heldNote(after)

/** The message of a job is cut and may quote anything: whether this policy is among those it breaks is found out anew. */
export const holdsJob = (
  policy: TuningPolicy,
  job: InstructionTuningJob,
  dataset: InstructionDataset | undefined,
): boolean => {
  const run = job.status?.runs?.at(-1)
  if (heldNote(job) === undefined || !job.spec || !run) return false
  const spec = specOfRun(job.spec, run)
  return runViolations({ spec, run, dataset }, policy).length > 0
}

export const holdsDataset = (policy: TuningPolicy, dataset: InstructionDataset): boolean => {
  if (heldNote(dataset) === undefined || !dataset.spec) return false
  const asked = { ...dataset.spec, queueName: queueOfDataset(dataset) }
  return datasetViolations(asked, policy).length > 0
}
