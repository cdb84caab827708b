/** The Job of the stage is suspended: it waits in Kueue's queue, or Kueue takes its quota away. Only Kueue ends that. */
import { hasEnded } from '../pod-state.ts'
import { asksOtherwise, isHeld } from '../queue/queue-labels.ts'
import { isOverTime, NO_WORKLOAD_MS, type Quota, quotaOf } from '../queue/quota.ts'
import { workloadOf } from '../queue/workload.ts'
import { removal } from '../removal.ts'
import { currentStage, isFinished, withRun, withStage } from '../run.ts'
import type { RunStep } from '../situation.ts'
import { stageJobOf, stagePodsOf } from '../track.ts'
import { rfc3339Seconds } from '../../kube/conditions.ts'
import { failRun } from './end-run.ts'

const MESSAGE_MAX = 1024

const note = ({ reason, message }: Quota, prefix = '') => ({
  reason,
  message: `${prefix}${message}`.slice(0, MESSAGE_MAX),
  // what Kueue wants to add to the pod contradicts the spec, and it does not try again
  ...(reason === 'FailedToStart' ? { stalled: true } : {}),
})

export const waitInQueue: RunStep = situation => {
  const { run, runs, observed, spec, now } = situation
  const stage = currentStage(run)
  if (isFinished(run) || stage?.state !== 'Running') return undefined
  const job = stageJobOf(observed, run, stage)
  const quota = quotaOf(observed, run, now)
  if (!job || !quota || !isHeld(job)) return undefined
  const pods = stagePodsOf(observed, run, stage).filter(pod => !hasEnded(pod))
  if (pods.length > 0) {
    const names = pods.map(({ metadata }) => metadata.name).join(', ')
    return { runs, note: note(quota, `pod ${names} saves its checkpoint and ends: `) }
  }
  const workload = workloadOf(observed.workloads, job)
  if (isOverTime(workload)) {
    const finishedAt = rfc3339Seconds(now)
    const ended = withStage(run, stage.name, { state: 'Failed', finishedAt })
    const message = `stage ${stage.name} ran longer than retry.deadlineSeconds`
    return failRun(situation, ended, { reason: 'DeadlineExceeded', message })
  }
  // a Job's template cannot change, and no pod runs that would lose its work
  if (asksOtherwise(job, spec))
    return {
      runs,
      remove: [removal('Job', job)],
      note: note(quota, 'is put in the queue again after a change of the spec: '),
    }
  return {
    runs: withRun(runs, run),
    note: note(quota),
    ...(workload ? {} : { requeueAfterMs: NO_WORKLOAD_MS }),
  }
}
