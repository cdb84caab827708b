/** The Job is suspended: it waits in Kueue's queue, or Kueue takes its quota away. Only Kueue ends that. */
import { CURATE } from '@attune/crds/stage.ts'
import { hasEnded, podsOf } from '../../job/pod-state.ts'
import { asksOtherwise, isHeld } from '../../job/queue/queue-labels.ts'
import { isOverTime, NO_WORKLOAD_MS } from '../../job/queue/quota.ts'
import { workloadOf } from '../../job/queue/workload.ts'
import { removal } from '../../job/removal.ts'
import { ownJob, ownQuota } from '../own-job.ts'
import { failed, note } from '../say.ts'
import { schedulingOf } from '../scheduling.ts'
import type { Step } from '../situation.ts'

export const waitInQueue: Step = situation => {
  const { observed } = situation
  const job = ownJob(situation)
  const quota = ownQuota(situation)
  if (!job || !quota || !isHeld(job)) return undefined
  const { reason, message } = quota
  const pods = podsOf(observed.pods, job).filter(pod => !hasEnded(pod))
  if (pods.length > 0) {
    const names = pods.map(({ metadata }) => metadata.name).join(', ')
    return { phase: 'Preparing', note: note(reason, `pod ${names} ends: ${message}`) }
  }
  // a Job's template cannot change, and no pod runs that would lose its work
  if (asksOtherwise(job, schedulingOf(observed.dataset))) {
    const said = `is put in the queue again after a change of the dataset: ${message}`
    return { phase: 'Queued', note: note(reason, said), remove: [removal('Job', job)] }
  }
  const workload = workloadOf(observed.workloads, job)
  if (isOverTime(workload))
    return failed('DeadlineExceeded', `stage ${CURATE} ran longer than retry.deadlineSeconds`)
  // what Kueue wants to add to the pod contradicts the spec, and it does not try again
  if (reason === 'FailedToStart') return failed(reason, message)
  return {
    phase: 'Queued',
    note: note(reason, message),
    ...(workload ? {} : { requeueAfterMs: NO_WORKLOAD_MS }),
  }
}
