/** The Job that makes the content which the spec asks for. */
import type { StageJob } from '../job/kinds.ts'
import { jobHasEnded } from '../job/pod-state.ts'
import { type Quota, quotaOfJob } from '../job/queue/quota.ts'
import { curateJobName } from './names.ts'
import type { Situation } from './situation.ts'

export const ownJob = ({ observed, key }: Situation): StageJob | undefined => {
  const name = curateJobName(observed.dataset.metadata.name, key)
  return observed.curateJobs.find(({ metadata }) => metadata.name === name)
}

/** What Kueue says of it while it has not ended. */
export const ownQuota = (situation: Situation): Quota | undefined => {
  const job = ownJob(situation)
  if (!job || job.metadata.deletionTimestamp || jobHasEnded(job)) return undefined
  return quotaOfJob(job, situation.observed.workloads, situation.now)
}
