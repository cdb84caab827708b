import t from 'tap'
import { decide as decideOn } from '../../../../operator/src/dataset/decide.ts'
import type { Observed } from '../../../../operator/src/dataset/situation.ts'
import {
  aCurateJob,
  aCuratePod,
  aCurateResult,
  aDataset,
  DATASET_CLAIM,
  keyOf,
  observedDataset,
} from '../../../fixtures/operator/a-dataset.ts'
import { brokenFluxRules } from '../../../fixtures/operator/flux-rules.ts'
import {
  at,
  COMPLETE,
  CONFIG,
  ended,
  failedBecause,
  NOW,
} from '../../../fixtures/operator/tuning-job.ts'

const decide = (observed: Observed) => decideOn(observed, NOW, CONFIG)
const reasons = ({ events }: ReturnType<typeof decide>) => events.map(({ reason }) => reason)
const conditions = ({ status }: ReturnType<typeof decide>) =>
  status?.conditions?.map(({ type, status, reason }) => `${type} ${status} ${reason}`)

const dataset = aDataset()
const job = aCurateJob(dataset)
const done = aCurateJob(dataset, [COMPLETE])
const running: Observed = { ...observedDataset(dataset), claim: DATASET_CLAIM, curateJobs: [job] }
const finished: Observed = {
  ...running,
  curateJobs: [done],
  pods: [aCuratePod(done, ended(0, aCurateResult()))],
}
/** The dataset once its content is ready. */
const ready = (): Observed => {
  const { status } = decide(finished)
  return { ...finished, dataset: aDataset({ ...(status ? { status } : {}) }) }
}

t.test('a new dataset gets a volume, a file and one Job', async t => {
  const decision = decide(observedDataset(dataset))
  const key = keyOf(dataset).slice(0, 10)
  t.strictSame(
    decision.apply.map(({ kind, manifest }) => `${kind} ${manifest.metadata.name}`),
    ['PersistentVolumeClaim pairs-dataset', `ConfigMap pairs-${key}`, `Job pairs-${key}-curate`],
  )
  t.equal(decision.status?.phase, 'Preparing')
  t.strictSame(conditions(decision), ['Ready False Preparing', 'Reconciling True Preparing'])
  t.strictSame(reasons(decision), ['Preparing'])
})

t.test('the result of its stage becomes status', async t => {
  const decision = decide(finished)
  t.match(decision.status, {
    phase: 'Ready',
    key: keyOf(dataset),
    volume: 'volume-uid',
    contentHash: 'c'.repeat(64),
    preparedUri: `pvc://pairs-dataset/curate/${keyOf(dataset)}`,
    examples: 540,
    validationExamples: 60,
    report: { duplicates: 12, slices: { lights: 300 } },
  })
  t.strictSame(conditions(decision), ['Ready True Prepared'])
  t.strictSame(reasons(decision), ['Prepared'])
})

t.test('a pod that writes nonsense makes no content', async t => {
  const { curated } = aCurateResult()
  for (const [name, result] of Object.entries({
    'no figures': { ...aCurateResult(), curated: undefined },
    'no digest': { ...aCurateResult(), digest: '' },
    'a negative count': { ...aCurateResult(), curated: { ...curated, examples: -1 } },
    'a share over 1': {
      ...aCurateResult(),
      curated: { ...curated, report: { ...curated?.report, largestSliceShare: 2 } },
    },
    'the result of a job': { ...aCurateResult(), stage: 'prepare' },
  })) {
    const pods = [aCuratePod(done, ended(0, JSON.stringify(result)))]
    const decision = decide({ ...finished, pods })
    t.equal(decision.status?.phase, 'Failed', name)
    t.notOk(decision.status?.contentHash, name)
  }
})

t.test('once ready there is nothing to do, with or without its Job', async t => {
  const nothing = { apply: [], remove: [], events: [] }
  t.strictSame(decide(ready()), nothing)
  t.strictSame(decide({ ...ready(), curateJobs: [], pods: [] }), nothing)
})

t.test('every status keeps the rules of Flux', async t => {
  for (const [name, observed] of Object.entries({ new: observedDataset(dataset), finished })) {
    const { status } = decide(observed)
    t.strictSame(brokenFluxRules({ ...dataset, status: status ?? {} } as never), [], name)
  }
})

t.test('another content is read while the old one stays for the runs on it', async t => {
  const before = ready()
  const { status } = before.dataset
  const edited = aDataset({
    spec: { systemPrompt: 'Be brief.' },
    generation: 2,
    ...(status ? { status } : {}),
  })
  const decision = decide({ ...before, dataset: edited, inUse: ['an-older-key'], pods: [] })
  t.strictSame(
    decision.remove.map(({ kind, ref }) => `${kind} ${ref.name}`),
    [`Job ${done.metadata.name}`],
    'the Job of the old content',
  )
  const file = decision.apply.find(({ kind }) => kind === 'ConfigMap')?.manifest as unknown as {
    data: { 'job.json': string }
  }
  t.match(JSON.parse(file.data['job.json']), {
    keep: ['an-older-key', keyOf(dataset)].toSorted(),
    spec: { systemPrompt: 'Be brief.' },
  })
  t.match(decision.status, { phase: 'Preparing', observedGeneration: 2, key: keyOf(dataset) })
})

t.test('the Job of another content is waited for, as both write to one volume', async t => {
  const old = aCurateJob(aDataset({ spec: { systemPrompt: 'old' } }))
  const decision = decide({ ...observedDataset(dataset), claim: DATASET_CLAIM, curateJobs: [old] })
  t.strictSame(decision.apply, [])
  t.strictSame(
    decision.remove.map(({ ref }) => ref.name),
    [old.metadata.name],
  )
  t.match(decision.status, { phase: 'Pending' })
})

t.test('a failure is told with its reason, once', async t => {
  const result = aCurateResult({
    outcome: 'Failed',
    reason: 'DatasetMalformed',
    message: 'pvc://datasets/home.jsonl line 7: not JSON: {',
  })
  const failed = aCurateJob(dataset, [failedBecause('PodFailurePolicy')])
  const observed = {
    ...running,
    curateJobs: [failed],
    pods: [aCuratePod(failed, ended(65, result))],
  }
  const decision = decide(observed)
  t.equal(decision.status?.phase, 'Failed')
  t.strictSame(conditions(decision), [
    'Ready False DatasetMalformed',
    'Stalled True DatasetMalformed',
  ])
  t.match(decision.events, [{ type: 'Warning', message: /line 7/ }])
  const told = aDataset({ ...(decision.status ? { status: decision.status } : {}) })
  const nothing = { apply: [], remove: [], events: [] }
  t.strictSame(decide({ ...observed, dataset: told }), nothing)
  t.strictSame(decide({ ...observed, dataset: told, pods: [] }), nothing, 'without its pods too')
  const unseen = decide({ ...observed, pods: [aCuratePod(failed, { runningSince: at(1) })] })
  t.equal(unseen.status?.phase, 'Preparing', 'its end is waited for')
})

t.test('what can never work fails before anything is made', async t => {
  for (const [spec, message] of [
    [{ sources: [{ uri: 'file://a.jsonl' }] }, /spec\.sources\[0\]\.uri: file:\/\/a\.jsonl/],
    [
      {
        sources: [
          { uri: 'hf://datasets/o/d/a.jsonl', credentialsSecret: { name: 'one' } },
          { uri: 'hf://datasets/o/d/b.jsonl', credentialsSecret: { name: 'two' } },
        ],
      },
      /all sources of a dataset share one Secret/,
    ],
  ] as const) {
    const decision = decide(observedDataset(aDataset({ spec: spec as never })))
    t.strictSame(decision.apply, [])
    t.match(decision.events, [{ reason: 'InvalidSpec', message }])
  }
})

t.test('what a policy does not allow is not started, and told with its name', async t => {
  const policy = (spec: object) => ({
    apiVersion: 'attune.dev/v1alpha1',
    kind: 'TuningPolicy',
    metadata: { name: 'tenants' },
    spec,
  })
  for (const [limits, spec, message] of [
    [
      { allowedDatasetSources: ['hf://datasets/ours'] },
      {},
      /spec has the source pvc:\/\/datasets\/home\.jsonl, and TuningPolicy tenants allows only \[hf:\/\/datasets\/ours\]/,
    ],
    [
      { allowedPodTemplateFields: ['labels'] },
      { podTemplate: { nodeSelector: { a: 'b' } } },
      /spec\.podTemplate\.nodeSelector is set/,
    ],
  ] as const) {
    const held = { ...observedDataset(aDataset({ spec })), policies: [policy(limits)] }
    const decision = decide(held)
    t.strictSame(decision.apply, [])
    t.match(decision.events, [{ reason: 'PolicyViolation', message }])
    t.equal(decision.status?.phase, 'Failed')
    t.ok(decide({ ...held, policies: [] }).apply.length > 0)
  }
  t.strictSame(
    decide({ ...ready(), policies: [policy({ allowedDatasetSources: [] })] }).events,
    [],
    'what is ready stays',
  )
})

t.test('a volume that is gone is made again, after the Jobs that wrote to it', async t => {
  const { claim: _, ...before } = ready()
  const first = decide(before)
  t.strictSame(reasons(first), ['WorkspaceLost'])
  t.strictSame(
    first.remove.map(({ ref }) => ref.name),
    [done.metadata.name],
  )
  t.notOk(first.status?.contentHash, 'the content is no more')
  const { status } = first
  const lost = aDataset({ ...(status ? { status } : {}) })
  const second = decide({ ...before, dataset: lost, curateJobs: [], pods: [] })
  t.ok(second.apply.some(({ kind }) => kind === 'PersistentVolumeClaim'))
})

t.test('a pod that was removed before its result was read is run again', async t => {
  const decision = decide({ ...finished, pods: [] })
  t.strictSame(
    decision.remove.map(({ kind }) => kind),
    ['Job'],
  )
  t.equal(decision.status?.phase, 'Preparing')
  const justNow = aCurateJob(dataset, [{ ...COMPLETE, lastTransitionTime: at(-1) }])
  const early = decide({ ...finished, curateJobs: [justNow], pods: [] })
  t.strictSame(early.remove, [], 'its pod may be known a moment later')
  t.ok(early.requeueAfterMs)
})

t.test('a retry and what a pod waits for are told', async t => {
  const retried = decide({ ...running, pods: [aCuratePod(job, ended(1, 'connection reset'))] })
  t.strictSame(conditions(retried), ['Ready False Retrying', 'Reconciling True Retrying'])
  t.strictSame(reasons(retried), ['Retrying'])
  const pod = aCuratePod(job)
  const image = { reason: 'ImagePullBackOff', message: 'Back-off pulling image' }
  const waiting = {
    ...pod,
    status: { ...pod.status, containerStatuses: [{ name: 'trainer', state: { waiting: image } }] },
  }
  const stuck = decide({ ...running, pods: [waiting] })
  t.match(stuck.events, [{ reason: 'ImagePullBackOff', message: /Back-off/ }])
})

t.test('a dataset whose pod waited until the deadline says for what', async t => {
  const pod = aCuratePod(job)
  const image = { reason: 'ImagePullBackOff', message: 'Back-off pulling image' }
  const waiting = {
    ...pod,
    status: { ...pod.status, containerStatuses: [{ name: 'trainer', state: { waiting: image } }] },
  }
  const { status } = decide({ ...running, pods: [waiting] })
  const stuck = { ...running, dataset: { ...running.dataset, ...(status ? { status } : {}) } }
  const killed = aCuratePod(job, ended(137, undefined, { reason: 'ContainerStatusUnknown' }))
  const going = { ...killed, metadata: { ...killed.metadata, deletionTimestamp: at(30) } }
  for (const pods of [[going], []])
    t.notOk(decide({ ...stuck, pods }).status, 'while the pod goes, nothing else is said')
  const over = aCurateJob(dataset, [failedBecause('DeadlineExceeded')])
  t.match(decide({ ...stuck, curateJobs: [over] }).events, [
    { reason: 'DeadlineExceeded', message: /it waited: pod .*: ImagePullBackOff/ },
  ])
})

t.test('why a Job gets no pod is told in the words of its Events', async t => {
  const late = { ...job, metadata: { ...job.metadata, creationTimestamp: '2020-01-01T00:00:00Z' } }
  const observed = { ...running, curateJobs: [late] }
  t.match(decide(observed).status, { conditions: [{ message: /has no pod; its Events say why/ }] })
  const warnings = {
    [late.metadata.uid ?? '']: { reason: 'FailedCreate', message: 'exceeded quota: team-a' },
  }
  t.match(decide({ ...observed, warnings }).status, {
    conditions: [{ reason: 'Waiting', message: /has no pod: exceeded quota: team-a/ }],
  })
})

t.test('a dataset that is being deleted is left to the garbage collector', async t => {
  const { metadata } = dataset
  const deleted = {
    ...dataset,
    metadata: { ...metadata, deletionTimestamp: '2026-01-01T00:00:00Z' },
  }
  t.strictSame(decide({ ...running, dataset: deleted }), { apply: [], remove: [], events: [] })
})

t.test(
  'a pod whose node does not say that it has ended is told, and nothing made beside it',
  async t => {
    const pod = aCuratePod(job, { runningSince: at(0) })
    const silent = (by: number) => ({
      ...pod,
      metadata: { ...pod.metadata, deletionTimestamp: at(by) },
      spec: { containers: [], nodeName: 'node-3' },
    })
    const lost = { reason: 'NodeNotResponding', message: /^pod .* node node-3 does not say/ }
    const gone = { ...running, curateJobs: [] }
    for (const [name, observed] of Object.entries({ 'its Job': running, 'an earlier Job': gone }))
      await t.test(`of ${name}`, async t => {
        t.equal(decide({ ...observed, pods: [silent(-50)] }).requeueAfterMs, 10_000)
        const seen = { ...observed, pods: [silent(-60)] }
        const decision = decide(seen)
        t.match(decision.status?.conditions, [{ type: 'Ready', status: 'False', ...lost }, lost])
        t.match(decision.events, [{ type: 'Warning', ...lost }])
        t.strictSame(decision.apply, [])
        const { status } = decision
        const told = { ...seen, dataset: aDataset({ ...(status ? { status } : {}) }) }
        t.strictSame(decide(told).events, [])
        t.notMatch(decide({ ...told, pods: [] }).status?.conditions, [lost])
      })
  },
)
