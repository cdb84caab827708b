import t from 'tap'
import type { StageJob } from '../../../../operator/src/job/kinds.ts'
import { quotaEvents } from '../../../../operator/src/job/queue/quota-event.ts'
import { isOverTime, quotaOf } from '../../../../operator/src/job/queue/quota.ts'
import {
  slimWorkload,
  type WorkloadCondition,
} from '../../../../operator/src/job/queue/workload.ts'
import { newRun, withStage } from '../../../../operator/src/job/run.ts'
import { aWorkload, KUEUE } from '../../../fixtures/operator/a-workload.ts'
import {
  aJob,
  aStageJob,
  at,
  failedBecause,
  NOW,
  observedOf,
} from '../../../fixtures/operator/tuning-job.ts'

const RUN = withStage(newRun(1, 'hash', at(0)), 'prepare', { state: 'Running' })

const stageJob = (held: boolean, change: Partial<StageJob['metadata']> = {}): StageJob => {
  const job = aStageJob(1, 'prepare')
  const labels = { ...job.metadata.labels, 'kueue.x-k8s.io/queue-name': 'team-a' }
  const metadata = { ...job.metadata, creationTimestamp: at(0), labels, ...change }
  return { ...job, metadata, spec: { suspend: held } }
}

const quota = (job: StageJob, conditions?: readonly WorkloadCondition[], seconds = 1) => {
  const workloads = conditions ? [aWorkload(1, 'prepare', conditions)] : []
  return quotaOf({ ...observedOf(aJob()), stageJobs: [job], workloads }, RUN, NOW + seconds * 1000)
}

const condition = (type: string, status: string, reason: string, message = 'why') => [
  { type, status, reason, message },
]
const pending = (reason: string) => condition('QuotaReserved', 'False', reason)
const evicted = (reason: string) => condition('Evicted', 'True', reason)

const words = (message: string) => condition('QuotaReserved', 'False', 'Pending', message)
const CANNOT = "couldn't assign flavors to pod set main: "
const TOO_MUCH = 'insufficient quota for cpu in flavor a, requests (8) > maximum capacity (4)'
const TAKEN = 'insufficient unused quota for cpu in flavor b, 2 more needed'
const NO_NODE = "flavor c doesn't match node affinity"

const HELD: Readonly<Record<string, readonly [readonly WorkloadCondition[], string, string]>> = {
  'nothing said yet': [[], 'False', 'Queued'],
  'too little quota': [pending('WaitingForQuota'), 'False', 'WaitingForQuota'],
  'more than there can be': [pending('ExceedsMaxQuota'), 'False', 'ExceedsMaxQuota'],
  'no flavor fits': [pending('NoMatchingFlavor'), 'False', 'NoMatchingFlavor'],
  'a queue that is not there': [pending('Misconfigured'), 'False', 'Misconfigured'],
  'a stopped queue': [pending('Suspended'), 'False', 'QueueStopped'],
  'a word of older versions': [pending('Pending'), 'False', 'Queued'],
  'a word nobody knows': [pending('NewReason'), 'False', 'Queued'],
  'too little quota, in words': [
    words(`${CANNOT}${TOO_MUCH}, ${TAKEN}, ${NO_NODE}`),
    'False',
    'WaitingForQuota',
  ],
  'more than there can be, in words': [
    words(`${CANNOT}${NO_NODE}, ${TOO_MUCH}`),
    'False',
    'ExceedsMaxQuota',
  ],
  'no flavor fits, in words': [words(`${CANNOT}${NO_NODE}`), 'False', 'NoMatchingFlavor'],
  'a taint, in words': [
    words(`${CANNOT}untolerated taint x in flavor d`),
    'False',
    'NoMatchingFlavor',
  ],
  'checks are open': [KUEUE.reserved, 'True', 'QuotaReserved'],
  'admitted, not yet set going': [KUEUE.admitted, 'True', 'Admitted'],
  preempted: [KUEUE.preempted, 'False', 'Preempted'],
  'pods not ready in time': [evicted('PodsReadyTimeout'), 'False', 'PodsReadyTimeout'],
  'a failed check': [evicted('AdmissionCheck'), 'False', 'AdmissionCheckFailed'],
  'a cluster queue that stops': [evicted('ClusterQueueStopped'), 'False', 'QueueStopped'],
  deactivated: [evicted('Deactivated'), 'False', 'Deactivated'],
  'deactivated for a reason': [
    evicted('DeactivatedDueToRequeuingLimitExceeded'),
    'False',
    'Deactivated',
  ],
  'evicted for an unknown reason': [evicted('FlavorMigration'), 'False', 'Evicted'],
  'refused by what Kueue adds': [
    condition('Finished', 'True', 'FailedToStart'),
    'False',
    'FailedToStart',
  ],
}

t.test('what Kueue says of a held Job', async t => {
  for (const [name, [conditions, status, reason]] of Object.entries(HELD))
    t.match(quota(stageJob(true), conditions), { status, reason }, name)
})

t.test('a running Job', async t => {
  t.match(quota(stageJob(false), KUEUE.admitted), { status: 'True', reason: 'Admitted' })
  t.match(quota(stageJob(false), KUEUE.preempted), { status: 'False', reason: 'Preempted' })
  t.equal(quota(stageJob(false)), undefined, 'without a Workload Kueue has no word in it')
  t.equal(quota(stageJob(false), condition('Finished', 'True', 'Succeeded')), undefined)
})

t.test('an eviction keeps its reason and tells why it is not back', async t => {
  const eviction = KUEUE.preempted.filter(({ type }) => type !== 'QuotaReserved')
  const still = quota(stageJob(true), [...KUEUE.waits, ...eviction])
  t.equal(still?.reason, 'Preempted')
  t.equal(
    still?.message,
    'Preempted to accommodate a workload; now: insufficient unused quota for cpu',
  )
  t.equal(
    quota(stageJob(true), KUEUE.preempted)?.message,
    'Preempted to accommodate a workload',
    'the same is not said twice',
  )
  const over = { type: 'Evicted', status: 'False', reason: 'QuotaReserved', message: 'Previously' }
  t.match(quota(stageJob(false), [...KUEUE.admitted, over]), { reason: 'Admitted' })
})

t.test('a held Job without a Workload', async t => {
  t.strictSame(quota(stageJob(true)), {
    status: 'False',
    reason: 'Queued',
    message: 'Job home-1-prepare waits in queue team-a',
  })
  t.match(quota(stageJob(true), undefined, 30)?.message, /no Workload yet: is Kueue installed/)
  t.match(
    quota(stageJob(true, { labels: {} }), undefined, 30)?.message,
    /^Job home-1-prepare is suspended, and not by this operator$/,
  )
})

t.test('who says nothing', async t => {
  t.equal(quota(stageJob(true, { deletionTimestamp: at(1) }), KUEUE.waits), undefined)
  const other = aWorkload(1, 'train', KUEUE.waits)
  const observed = { ...observedOf(aJob()), stageJobs: [stageJob(true)] }
  t.match(quotaOf({ ...observed, workloads: [other] }, RUN, NOW), { reason: 'Queued' })
  const going = aWorkload(1, 'prepare', KUEUE.waits)
  const deleted = { ...going, metadata: { ...going.metadata, deletionTimestamp: at(1) } }
  t.match(quotaOf({ ...observed, workloads: [deleted] }, RUN, NOW), { reason: 'Queued' })
  const finished = { ...RUN, phase: 'Failed' as const }
  t.equal(quotaOf({ ...observed, workloads: [going] }, finished, NOW), undefined)
  const failed = { ...stageJob(true), status: { conditions: [failedBecause('PodFailurePolicy')] } }
  t.equal(quota(failed, condition('Finished', 'True', 'Failed')), undefined)
})

t.test('the time that Kueue counts is over only once it has deactivated the Workload', async t => {
  const over = evicted('DeactivatedDueToMaximumExecutionTimeExceeded')
  t.equal(isOverTime(aWorkload(1, 'train', over, false)), true)
  t.equal(isOverTime(aWorkload(1, 'train', over, true)), false, 'made active again')
  t.equal(isOverTime(aWorkload(1, 'train', evicted('Deactivated'), false)), false)
  t.equal(isOverTime(undefined), false)
})

t.test('Events tell of each new reason once', async t => {
  const said = (reason: string) => [
    {
      type: 'QuotaReserved',
      status: 'False' as const,
      reason,
      message: 'm',
      lastTransitionTime: '',
    },
  ]
  t.strictSame(quotaEvents(said('Queued'), said('Queued')), [])
  t.strictSame(quotaEvents(said('Admitted'), undefined), [])
  t.match(quotaEvents(undefined, said('WaitingForQuota')), [
    { type: 'Normal', reason: 'WaitingForQuota', message: 'm' },
  ])
  t.match(quotaEvents(said('Admitted'), said('Preempted')), [{ type: 'Warning' }])
  t.match(quotaEvents(said('Queued'), said('ExceedsMaxQuota')), [{ type: 'Warning' }])
})

t.test('the cache keeps what is read and no pod template', async t => {
  const workload = aWorkload(1, 'train', KUEUE.waits, false)
  const whole = {
    ...workload,
    metadata: { ...workload.metadata, annotations: { a: 'b' }, labels: { a: 'b' } },
    spec: { ...workload.spec, podSets: [{ name: 'main', template: {} }] },
    status: { ...workload.status, admission: {} },
  }
  t.strictSame(slimWorkload(whole), workload)
})
