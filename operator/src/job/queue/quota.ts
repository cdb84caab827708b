/** What Kueue says of the current stage, in the words of our conditions. */
import type { QueueReason } from '@attune/crds/conditions.ts'
import type { RunStatus } from '@attune/crds/instruction-tuning-job-status.ts'
import type { StageJob } from '../kinds.ts'
import { jobHasEnded } from '../pod-state.ts'
import { currentStage, isFinished } from '../run.ts'
import type { Observed } from '../situation.ts'
import { stageJobOf } from '../track.ts'
import { isHeld, queueOf } from './queue-labels.ts'
import { type Workload, type WorkloadCondition, workloadOf } from './workload.ts'

export type Quota = {
  readonly status: 'True' | 'False'
  readonly reason: QueueReason
  readonly message: string
}

/** Kueue makes a Workload within a second. */
export const NO_WORKLOAD_MS = 30_000

/** Reasons of `QuotaReserved=False`; what is not known is told as Queued. */
const PENDING: Readonly<Record<string, QueueReason>> = {
  WaitingForQuota: 'WaitingForQuota',
  WaitingForPreemptedWorkloads: 'WaitingForPreemptedWorkloads',
  WaitingForPodsReady: 'WaitingForPodsReady',
  Waiting: 'WaitingForPodsReady',
  ExceedsMaxQuota: 'ExceedsMaxQuota',
  NoMatchingFlavor: 'NoMatchingFlavor',
  TopologyPlacementFailed: 'TopologyPlacementFailed',
  Misconfigured: 'Misconfigured',
  Inadmissible: 'Inadmissible',
  AdmissionGated: 'AdmissionGated',
  Suspended: 'QueueStopped',
}

/**
 * Kueue 0.19 says `Pending` for most of them unless its feature gate UnadmittedWorkloadsObservability is on; the
 * words of its flavor assigner tell them apart. The first that fits, since a flavor that may fit later counts.
 */
const PENDING_WORDS: readonly (readonly [RegExp, QueueReason])[] = [
  [/insufficient unused quota/, 'WaitingForQuota'],
  [/> maximum capacity/, 'ExceedsMaxQuota'],
  [/doesn't match node affinity|untolerated taint/, 'NoMatchingFlavor'],
]

const pendingReason = ({ reason = '', message = '' }: Partial<WorkloadCondition>): QueueReason =>
  PENDING[reason] ?? PENDING_WORDS.find(([words]) => words.test(message))?.[1] ?? 'Queued'

/** Reasons of `Evicted=True`; others are told as Evicted. */
const EVICTED: Readonly<Record<string, QueueReason>> = {
  Preempted: 'Preempted',
  PodsReadyTimeout: 'PodsReadyTimeout',
  AdmissionCheck: 'AdmissionCheckFailed',
  ClusterQueueStopped: 'QueueStopped',
  LocalQueueStopped: 'QueueStopped',
  NodeFailures: 'NodeFailures',
}
const DEACTIVATED = 'Deactivated'
const OVER_TIME = `${DEACTIVATED}DueToMaximumExecutionTimeExceeded`

const evictionReason = (reason = ''): QueueReason =>
  reason.startsWith(DEACTIVATED) ? 'Deactivated' : (EVICTED[reason] ?? 'Evicted')

const condition = (workload: Workload, type: string): WorkloadCondition | undefined =>
  workload.status?.conditions?.find(candidate => candidate.type === type)
const whenTrue = (workload: Workload, type: string) => {
  const found = condition(workload, type)
  return found?.status === 'True' ? found : undefined
}

const evicted = (eviction: WorkloadCondition, quota: WorkloadCondition | undefined): Quota => {
  const said = eviction.message ?? ''
  // right after the eviction both say the same; later the scheduler says why it is not back yet
  const now = quota?.status === 'False' && quota.message !== said ? quota.message : undefined
  return {
    status: 'False',
    reason: evictionReason(eviction.reason),
    message: now ? `${said}; now: ${now}` : said,
  }
}

const ofWorkload = (job: StageJob, workload: Workload): Quota | undefined => {
  const finished = whenTrue(workload, 'Finished')
  if (finished) {
    // ended without its Job: what Kueue adds to the pod contradicts what is there
    const failedToStart = isHeld(job) && !jobHasEnded(job)
    const message = finished.message ?? finished.reason ?? ''
    return failedToStart ? { status: 'False', reason: 'FailedToStart', message } : undefined
  }
  const quota = condition(workload, 'QuotaReserved')
  const eviction = whenTrue(workload, 'Evicted')
  if (eviction) return evicted(eviction, quota)
  const message = quota?.message ?? ''
  if (quota?.status !== 'True') {
    const reason = pendingReason(quota ?? {})
    return { status: 'False', reason, message: message || waits(job) }
  }
  const admitted = condition(workload, 'Admitted')
  return admitted?.status === 'True'
    ? { status: 'True', reason: 'Admitted', message: admitted.message ?? message }
    : { status: 'True', reason: 'QuotaReserved', message: admitted?.message ?? message }
}

const waits = (job: StageJob) => {
  const queue = queueOf(job)
  const { name } = job.metadata
  return queue
    ? `Job ${name} waits in queue ${queue}`
    : `Job ${name} is suspended, and not by this operator`
}

const age = ({ metadata }: StageJob, now: number) =>
  now - (Date.parse(metadata.creationTimestamp ?? '') || now)

const withoutWorkload = (job: StageJob, now: number): Quota | undefined => {
  if (!isHeld(job)) return undefined
  const hint = '; it has no Workload yet: is Kueue installed, and does it manage this namespace?'
  const isOdd = queueOf(job) !== undefined && age(job, now) >= NO_WORKLOAD_MS
  return { status: 'False', reason: 'Queued', message: `${waits(job)}${isOdd ? hint : ''}` }
}

const currentJob = (observed: Observed, run: RunStatus): StageJob | undefined => {
  const stage = isFinished(run) ? undefined : currentStage(run)
  const job = stage?.state === 'Running' ? stageJobOf(observed, run, stage) : undefined
  return job?.metadata.deletionTimestamp ? undefined : job
}

/** Undefined where Kueue does not manage the Job and nobody holds it. */
export const quotaOfJob = (
  job: StageJob,
  workloads: readonly Workload[],
  now: number,
): Quota | undefined => {
  const workload = workloadOf(workloads, job)
  return workload ? ofWorkload(job, workload) : withoutWorkload(job, now)
}

/** Undefined, too, where the current stage has no Job. */
export const quotaOf = (observed: Observed, run: RunStatus, now: number): Quota | undefined => {
  const job = currentJob(observed, run)
  return job && quotaOfJob(job, observed.workloads, now)
}

/**
 * Kueue counts the time that a Workload was admitted, over all its evictions, against the Job's label, and
 * deactivates it for good. That is `retry.deadlineSeconds`.
 */
export const isOverTime = (workload: Workload | undefined): boolean =>
  workload?.spec?.active === false && whenTrue(workload, 'Evicted')?.reason === OVER_TIME
