/** A Job of a queue that nothing runs of: not admitted yet, or its quota was taken back and its pod has ended. */
import type { Pod, StageJob } from '../kinds.ts'
import { hasEnded, jobHasEnded, podsOf } from '../pod-state.ts'
import { isHeld } from './queue-labels.ts'

export const waitsInQueue = (job: StageJob, pods: readonly Pod[]): boolean =>
  isHeld(job) &&
  job.metadata.deletionTimestamp === undefined &&
  !jobHasEnded(job) &&
  podsOf(pods, job).every(hasEnded)
