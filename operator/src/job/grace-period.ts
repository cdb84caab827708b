/** How long a pod may take to end: one micro-batch, and time to save. */
import type { RunStatus } from '@attune/crds/instruction-tuning-job-status.ts'

const UNKNOWN = 60
const MIN = 30
const MAX = 3600
/** Saving a checkpoint to slow storage. */
const HEAD_ROOM = 30

const planned = (run: RunStatus): number | undefined => {
  const { plan } = run
  if (!plan || plan.totalSteps === 0 || plan.microBatchSize === 0) return undefined
  return plan.estimatedSeconds / plan.totalSteps
}

/**
 * Twice the longest micro-batch seen and head room, within 30…3600 s. Before anything is measured, 60 s,
 * or more where the plan expects a whole step to take longer.
 */
export const gracePeriodSeconds = (run: RunStatus): number => {
  const measured = run.training?.microBatchSeconds
  if (measured !== undefined)
    return Math.min(MAX, Math.max(MIN, Math.ceil(2 * measured + HEAD_ROOM)))
  const step = planned(run)
  return step === undefined
    ? UNKNOWN
    : Math.min(MAX, Math.max(UNKNOWN, Math.ceil(step + HEAD_ROOM)))
}
