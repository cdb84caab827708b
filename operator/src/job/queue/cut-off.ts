/** What Kueue did to a stage is no failure of it. */
import type { Pod, StageJob } from '../kinds.ts'
import { terminated } from '../pod-state.ts'
import { KILLED } from '../retry-after-kill.ts'
import { isHeld } from './queue-labels.ts'

/**
 * Kueue suspended the Job, and its pod did not end within its grace period.
 * @param pod the newest of the Job
 */
export const wasCutOff = (job: StageJob, pod: Pod | undefined): boolean => {
  if (!isHeld(job)) return false
  const end = pod && terminated(pod)
  return !pod || (end?.exitCode === KILLED && end.reason !== 'OOMKilled')
}
