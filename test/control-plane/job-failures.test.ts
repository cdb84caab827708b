import type { Reason } from '@attune/crds/conditions.ts'
import t from 'tap'
import { kubectl } from '../fixtures/cluster/kubectl.ts'
import { brokenFluxRules } from '../fixtures/operator/flux-rules.ts'
import { tuningCluster } from '../fixtures/operator/tuning-cluster.ts'

// Each has a namespace and an operator of its own, and mostly waits.
t.jobs = 4
const TOGETHER = { buffered: true }

type Failure = {
  readonly exitCode: number
  readonly says?: { readonly reason: Reason; readonly message: string }
  readonly reason: Reason
}

const permanent: Readonly<Record<string, Failure>> = {
  'a source that is missing': {
    exitCode: 66,
    says: { reason: 'SourceNotFound', message: 'pvc://datasets/home.jsonl: no such file' },
    reason: 'SourceNotFound',
  },
  'a source that is forbidden': {
    exitCode: 77,
    says: { reason: 'SourceForbidden', message: 'hf://owner/model: 403' },
    reason: 'SourceForbidden',
  },
  'a broken line': {
    exitCode: 65,
    says: { reason: 'DatasetMalformed', message: 'home.jsonl:17: no JSON' },
    reason: 'DatasetMalformed',
  },
  'too few examples': {
    exitCode: 65,
    says: { reason: 'DatasetBelowQuality', message: 'minExamples is 100, there are 3' },
    reason: 'DatasetBelowQuality',
  },
  'a model of an unknown kind': {
    exitCode: 78,
    says: { reason: 'ModelUnsupported', message: 'architecture MambaForCausalLM' },
    reason: 'ModelUnsupported',
  },
  'a pod that leaves no result': { exitCode: 64, reason: 'StageFailed' },
}

for (const [name, { exitCode, says, reason }] of Object.entries(permanent)) {
  t.test(`${name} fails the job at once`, TOGETHER, async t => {
    const cluster = await tuningCluster(t)
    await cluster.operator()
    await cluster.submit()
    const pod = await cluster.kubelet.starts(1, 'prepare')
    const result = { stage: 'prepare', outcome: 'Failed', key: 'k', seconds: 1, ...says }
    await cluster.kubelet.ends(pod, exitCode, says ? JSON.stringify(result) : 'no JSON')
    const job = await cluster.phase('Failed')
    const find = (type: string) =>
      job.status?.conditions?.find(condition => condition.type === type)
    t.match(find('Stalled'), { status: 'True', reason })
    t.match(find('Failed'), { status: 'True', reason })
    t.match(find('DatasetReady'), { status: 'False', reason })
    t.match(find('Ready'), { status: 'False', message: says?.message ?? `exit code ${exitCode}` })
    t.strictSame(brokenFluxRules(job), [])
    t.strictSame(await cluster.names('jobs'), ['job.batch/home-1-prepare'], 'nothing else starts')
    await cluster.event(reason)
    await kubectl([
      ...['wait', '--for=condition=Finished', `itj/${cluster.name}`],
      ...['-n', cluster.namespace, '--timeout=120s'],
    ])
  })
}

t.test('a gate that does not hold publishes nothing', TOGETHER, async t => {
  const cluster = await tuningCluster(t)
  await cluster.operator()
  await cluster.submit()
  await cluster.kubelet.succeeds(1, 'prepare')
  await cluster.kubelet.succeeds(1, 'train')
  const gate = { metric: 'held-out/exactMatch', rule: 'atLeast', threshold: 0.8 } as const
  await cluster.kubelet.succeeds(1, 'evaluate', {
    evaluation: {
      suites: { 'held-out': { exactMatch: { base: 0, tuned: 0.4 } } },
      gates: [{ ...gate, value: 0.4, passed: false }],
      gatesPassed: false,
      score: 0.4,
    },
  })
  const { status } = await cluster.phase('Failed')
  const find = (type: string) => status?.conditions?.find(condition => condition.type === type)
  t.match(find('Stalled'), { reason: 'GatesNotPassed', message: /exactMatch atLeast 0.8.* 0.4/ })
  t.match(find('GatesPassed'), { status: 'False' })
  t.equal(status?.evaluation?.score, 0.4)
  t.notOk((await cluster.names('jobs')).includes('job.batch/home-1-publish'))
})

t.test('a spec that the schema takes and that cannot work makes nothing', TOGETHER, async t => {
  const cluster = await tuningCluster(t)
  await cluster.operator()
  const secret = (name: string) => ({ credentialsSecret: { name } })
  await cluster.submit({
    model: { source: { uri: 'hf://owner/name', ...secret('one') } },
    dataset: { sources: [{ uri: 'hf://datasets/owner/name/pairs.jsonl', ...secret('two') }] },
  })
  const job = await cluster.phase('Failed')
  t.match(job.status?.runs?.[0], {
    reason: 'InvalidSpec',
    message: /spec.dataset.sources\[0\].credentialsSecret: two differs from one/,
  })
  t.strictSame(brokenFluxRules(job), [])
  t.strictSame(await cluster.names('jobs,pods,configmaps,persistentvolumeclaims'), [])
})

t.test('pods that can never be made stall the job until its spec is changed', TOGETHER, async t => {
  const cluster = await tuningCluster(t)
  await cluster.operator()
  const limits = { memory: '1Gi' }
  await cluster.submit({ resources: { requests: { memory: '2Gi' }, limits } })
  const job = await cluster.until(
    ({ status }) => status?.conditions?.some(({ type }) => type === 'Stalled') === true,
    'the job is not stalled',
  )
  t.match(
    job.status?.conditions?.find(({ type }) => type === 'Stalled'),
    { reason: 'InvalidSpec', message: /memory limit/ },
  )
  t.strictSame(brokenFluxRules(job), [])
  await cluster.submit({ resources: { requests: { memory: '1Gi' }, limits } })
  await cluster.kubelet.starts(1, 'prepare')
  const after = await cluster.phase('Preparing')
  t.notOk(after.status?.conditions?.some(({ type }) => type === 'Stalled'))
})

t.test('a stage that runs too long fails the job', TOGETHER, async t => {
  const cluster = await tuningCluster(t)
  await cluster.operator()
  await cluster.submit({ retry: { deadlineSeconds: 1 } })
  const { status } = await cluster.phase('Failed')
  t.equal(status?.runs?.[0]?.reason, 'DeadlineExceeded')
})

t.test(
  'a child that the API server refuses is waited for, and the status says why',
  TOGETHER,
  async t => {
    const cluster = await tuningCluster(t)
    await cluster.operator()
    const quota = { apiVersion: 'v1', kind: 'ResourceQuota' }
    const hard = { persistentvolumeclaims: '0' }
    const metadata = { name: 'none', namespace: cluster.namespace }
    await kubectl(['create', '-f', '-'], JSON.stringify({ ...quota, metadata, spec: { hard } }))
    await kubectl([
      ...['wait', '--for=jsonpath={.status.hard.persistentvolumeclaims}=0', 'resourcequota/none'],
      ...['-n', cluster.namespace, '--timeout=120s'],
    ])
    await cluster.submit()
    const job = await cluster.until(
      ({ status }) => status?.conditions?.some(({ reason }) => reason === 'Waiting') === true,
      'no condition has the reason Waiting',
    )
    t.match(
      job.status?.conditions?.find(({ type }) => type === 'Reconciling'),
      { message: /exceeded quota/ },
    )
    t.strictSame(brokenFluxRules(job), [])
    await kubectl(['delete', 'resourcequota', 'none', '-n', cluster.namespace])
    await cluster.kubelet.starts(1, 'prepare')
    await cluster.phase('Preparing')
  },
)
