import { QUEUE_LABEL } from '@attune/crds/queue-labels.ts'
import t from 'tap'
import { decide as decideOn } from '../../../../operator/src/dataset/decide.ts'
import type { Observed } from '../../../../operator/src/dataset/situation.ts'
import type { Pod, StageJob } from '../../../../operator/src/job/kinds.ts'
import type { WorkloadCondition } from '../../../../operator/src/job/queue/workload.ts'
import {
  aCurateJob,
  aCuratePod,
  aCurateResult,
  aDataset,
  DATASET_CLAIM,
  observedDataset,
} from '../../../fixtures/operator/a-dataset.ts'
import { aWorkloadOf, KUEUE } from '../../../fixtures/operator/a-workload.ts'
import { brokenFluxRules } from '../../../fixtures/operator/flux-rules.ts'
import {
  COMPLETE,
  CONFIG,
  ended,
  failedBecause,
  NOW,
} from '../../../fixtures/operator/tuning-job.ts'

const LABELS = { [QUEUE_LABEL]: 'team-a', 'kueue.x-k8s.io/priority-class': 'high' }
const dataset = aDataset({ labels: LABELS })

const decide = (observed: Observed, seconds = 0) => decideOn(observed, NOW + seconds * 1000, CONFIG)
type Decision = ReturnType<typeof decide>
const conditions = ({ status }: Decision) =>
  status?.conditions?.map(({ type, status, reason }) => `${type} ${status} ${reason}`)
const removed = ({ remove }: Decision) => remove.map(({ kind, ref }) => `${kind} ${ref.name}`)

/** The Job as it was made for the dataset. */
const made = (of = dataset): StageJob => {
  const { apply } = decide(observedDataset(of))
  const manifest = apply.find(({ kind }) => kind === 'Job')?.manifest as unknown as StageJob
  const { metadata } = aCurateJob(of)
  return { ...manifest, metadata: { ...manifest.metadata, uid: metadata.uid ?? '' } }
}

type Queued = {
  readonly held?: boolean
  readonly says?: readonly WorkloadCondition[]
  readonly active?: boolean
  readonly pods?: readonly Pod[]
  readonly status?: NonNullable<StageJob['status']>['conditions']
}
const inQueue = ({ held = true, says, active, pods = [], status = [] }: Queued): Observed => {
  const job = { ...made(), spec: { suspend: held }, status: { conditions: status } }
  return {
    ...observedDataset(dataset),
    claim: DATASET_CLAIM,
    curateJobs: [job],
    workloads: says ? [aWorkloadOf(job, says, active)] : [],
    pods,
  }
}

t.test('a dataset with a queue has its Job made held, with all that Kueue is to know', async t => {
  t.match(made(), {
    metadata: {
      labels: {
        ...LABELS,
        'kueue.x-k8s.io/max-exec-time-seconds': '86400',
        'attune.dev/dataset': 'pairs',
      },
      annotations: { 'attune.dev/scheduling': /^[0-9a-f]{16}$/ },
    },
    spec: { suspend: true },
  })
})

t.test('without a queue the Job is as it always was', async t => {
  const others: readonly Readonly<Record<string, string>>[] = [
    {},
    { [QUEUE_LABEL]: '' },
    { team: 'a' },
  ]
  for (const labels of others) {
    const { metadata, spec } = made(aDataset({ labels }))
    t.notOk('suspend' in (spec ?? {}))
    t.notOk(metadata.annotations)
    t.notOk(Object.keys(metadata.labels ?? {}).some(label => label.includes('kueue')))
  }
})

t.test('what Kueue says becomes phase and conditions', async t => {
  const told = (reason: string) => [
    `QuotaReserved False ${reason}`,
    `Ready False ${reason}`,
    `Reconciling True ${reason}`,
  ]
  const cases: Readonly<Record<string, readonly [Queued, string, readonly string[]]>> = {
    'no Workload yet': [{}, 'Queued', told('Queued')],
    'no quota': [{ says: KUEUE.waits }, 'Queued', told('WaitingForQuota')],
    'quota, and a check to pass': [
      { says: KUEUE.reserved },
      'Queued',
      ['QuotaReserved True QuotaReserved', 'Ready False QuotaReserved'].concat(
        'Reconciling True QuotaReserved',
      ),
    ],
    admitted: [
      { says: KUEUE.admitted, held: false },
      'Preparing',
      ['QuotaReserved True Admitted', 'Ready False Preparing', 'Reconciling True Preparing'],
    ],
    'preempted, its pod still there': [
      { says: KUEUE.preempted, pods: [aCuratePod(made())] },
      'Preparing',
      told('Preempted'),
    ],
    preempted: [{ says: KUEUE.preempted }, 'Queued', told('Preempted')],
  }
  for (const [name, [queued, phase, expected]] of Object.entries(cases)) {
    const decision = decide(inQueue(queued))
    t.equal(decision.status?.phase, phase, name)
    t.strictSame(conditions(decision), expected, name)
    t.strictSame([...decision.apply, ...decision.remove], [], `${name}: all is Kueue's`)
    t.strictSame(brokenFluxRules({ ...dataset, status: decision.status ?? {} } as never), [], name)
  }
})

t.test('each reason is told by one Event', async t => {
  const first = decide(inQueue({ says: KUEUE.waits }))
  t.match(first.events, [{ type: 'Normal', reason: 'WaitingForQuota' }])
  const { status } = first
  const told = { ...dataset, ...(status ? { status } : {}) }
  t.strictSame(decide({ ...inQueue({ says: KUEUE.waits }), dataset: told }).events, [])
  const next = decide({ ...inQueue({ says: KUEUE.preempted }), dataset: told })
  t.match(next.events, [{ type: 'Warning', reason: 'Preempted' }])
})

t.test('a Job of the queue that has ended is read as any other', async t => {
  const job = made()
  const pods = [aCuratePod(job, ended(0, aCurateResult()))]
  const decision = decide(inQueue({ held: false, says: KUEUE.admitted, pods, status: [COMPLETE] }))
  t.equal(decision.status?.phase, 'Ready')
  t.strictSame(conditions(decision), ['Ready True Prepared'])
})

t.test(
  'a change of queue, priority or resources while it waits puts it in the queue anew',
  async t => {
    const waiting = inQueue({ says: KUEUE.waits })
    const [job] = waiting.curateJobs
    const changes = {
      'another queue': { labels: { ...LABELS, [QUEUE_LABEL]: 'other' } },
      'another priority': { labels: { [QUEUE_LABEL]: 'team-a' } },
      'no queue': { labels: {} },
      'more time': { labels: LABELS, spec: { retry: { deadlineSeconds: 60 } } },
      'other resources': { labels: LABELS, spec: { resources: { limits: { memory: '1Gi' } } } },
    }
    for (const [name, change] of Object.entries(changes))
      t.strictSame(
        removed(decide({ ...waiting, dataset: aDataset(change) })),
        [`Job ${job?.metadata.name}`],
        name,
      )
    t.strictSame(removed(decide(waiting)), [], 'no change')
  },
)

t.test('time that is used up is a failure, until there is more of it', async t => {
  const reason = 'DeactivatedDueToMaximumExecutionTimeExceeded'
  const says = [{ type: 'Evicted', status: 'True', reason, message: 'over' }]
  const over = inQueue({ says, active: false })
  const decision = decide(over)
  t.match(decision.status, { phase: 'Failed' })
  t.strictSame(conditions(decision), [
    'Ready False DeadlineExceeded',
    'Stalled True DeadlineExceeded',
  ])
  t.strictSame(removed(decision), [], 'without its Job the next look would make a new one')
  const more = aDataset({ labels: LABELS, spec: { retry: { deadlineSeconds: 90_000 } } })
  t.equal(removed(decide({ ...over, dataset: more })).length, 1)
})

t.test('what Kueue cannot add to the pod only a person can mend', async t => {
  const says = [{ type: 'Finished', status: 'True', reason: 'FailedToStart', message: 'pool=b' }]
  const decision = decide(inQueue({ says }))
  t.strictSame(conditions(decision), ['Ready False FailedToStart', 'Stalled True FailedToStart'])
})

t.test('a pod that was killed while its queue took the quota back is no failure', async t => {
  const job = made()
  const gaveUp = { says: KUEUE.preempted, status: [failedBecause('BackoffLimitExceeded')] }
  const killed = inQueue({ ...gaveUp, pods: [aCuratePod(job, ended(137))] })
  t.match(decide(killed).status, { phase: 'Preparing' })
  t.strictSame(removed(decide(killed)), [`Job ${job.metadata.name}`])
  const memory = ended(137, undefined, { reason: 'OOMKilled' })
  const outOfMemory = inQueue({ ...gaveUp, pods: [aCuratePod(job, memory)] })
  t.match(decide(outOfMemory).status, { phase: 'Failed' })
})

t.test('where a policy requires a queue, none is no way around it', async t => {
  const policies = [
    {
      apiVersion: 'attune.dev/v1alpha1',
      kind: 'TuningPolicy',
      metadata: { name: 'tenants' },
      spec: { requireQueue: true },
    },
  ]
  const without = decide({ ...observedDataset(aDataset()), policies })
  t.strictSame(without.apply, [])
  t.match(without.events, [
    {
      reason: 'PolicyViolation',
      message: `the label ${QUEUE_LABEL} is missing, and TuningPolicy tenants requires a queue (requireQueue)`,
    },
  ])
  t.ok(decide({ ...observedDataset(dataset), policies }).apply.length > 0)
})

t.test('a policy that comes later takes what waits out of the queue', async t => {
  const policies = [
    {
      apiVersion: 'attune.dev/v1alpha1',
      kind: 'TuningPolicy',
      metadata: { name: 'elsewhere' },
      spec: { allowedDatasetSources: ['pvc://other/'] },
    },
  ]
  const waiting = { ...inQueue({ says: KUEUE.waits }), policies }
  const [job] = waiting.curateJobs
  const held = decide(waiting)
  t.strictSame(removed(held), [`Job ${job?.metadata.name}`])
  t.match(held.status, { phase: 'Failed' })
  t.match(conditions(held), ['Ready False PolicyViolation'])
  const admitted = { ...inQueue({ says: KUEUE.admitted, held: false }), policies }
  t.strictSame(removed(decide(admitted)), [], 'what runs is not stopped')
  const ending = { ...inQueue({ says: KUEUE.preempted, pods: [aCuratePod(made())] }), policies }
  t.strictSame(removed(decide(ending)), [], 'its pod has yet to end')
})
