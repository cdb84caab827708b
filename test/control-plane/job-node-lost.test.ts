import t from 'tap'
import { bindPod } from '../fixtures/cluster/bind-pod.ts'
import { kubectl } from '../fixtures/cluster/kubectl.ts'
import { eventually } from '../fixtures/cluster/eventually.ts'
import { tuningCluster } from '../fixtures/operator/tuning-cluster.ts'

// Each has a namespace, a node and an operator of its own, and mostly waits.
t.jobs = 2
const TOGETHER = { buffered: true }

t.test('the pod of a node that is gone is replaced without a retry', TOGETHER, async t => {
  const cluster = await tuningCluster(t)
  await cluster.operator()
  await cluster.submit({ retry: { limit: 0 } })
  await cluster.kubelet.succeeds(1, 'prepare')

  const node = `lost-${cluster.namespace}`
  const metadata = { name: node }
  await kubectl(['create', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'Node', metadata }))
  t.teardown(() => kubectl(['delete', 'node', node, '--ignore-not-found']))
  const pod = await cluster.kubelet.pod(1, 'train')
  const { name, namespace } = pod.metadata
  const target = { apiVersion: 'v1', kind: 'Node', name: node }
  const binding = { apiVersion: 'v1', kind: 'Binding', metadata: { name }, target }
  await kubectl(
    ['create', '--raw', `/api/v1/namespaces/${namespace}/pods/${name}/binding`, '-f', '-'],
    JSON.stringify(binding),
  )
  await cluster.kubelet.starts(1, 'train')
  await cluster.until(job => job.status?.runs?.[0]?.stages[1]?.attempts === 1, 'no first attempt')

  await kubectl(['delete', 'node', node])
  // Kubernetes collects the pods of a node that has been gone for 40 s
  const next = await eventually(
    async () => {
      const other = await cluster.kubelet.pod(1, 'train')
      if (other.metadata.uid === pod.metadata.uid) throw new Error('the lost pod is still there')
      return other
    },
    { timeoutMs: 240_000, everyMs: 1_000 },
  )
  t.not(next.metadata.name, name)
  const job = await cluster.until(
    ({ status }) => status?.runs?.[0]?.stages[1]?.attempts === 2,
    'no second attempt',
  )
  t.equal(job.status?.phase, 'Training')
  t.notOk(job.status?.runs?.[0]?.stages[1]?.retries, 'nothing counts towards retry.limit')
  await cluster.event('Retrying', /was stopped; its work goes on/)
})

t.test(
  'a node that is silent is named, and what becomes of it when it is given up',
  TOGETHER,
  async t => {
    const cluster = await tuningCluster(t)
    const { namespace } = cluster
    await cluster.operator()
    await cluster.submit({ retry: { limit: 0 } })
    const pod = await cluster.kubelet.pod(1, 'prepare')
    const { name } = pod.metadata
    const node = `silent-${namespace}`
    const metadata = { name: node }
    await kubectl(
      ['create', '-f', '-'],
      JSON.stringify({ apiVersion: 'v1', kind: 'Node', metadata }),
    )
    t.teardown(() => kubectl(['delete', 'node', node, '--ignore-not-found']))
    await bindPod(namespace, name, node)
    await cluster.kubelet.starts(1, 'prepare')
    await cluster.attempted('prepare')

    // as the node lifecycle controller does after some minutes; no kubelet confirms it
    const eviction = {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name, namespace },
      deleteOptions: { gracePeriodSeconds: 1 },
    }
    await kubectl(
      ['create', '--raw', `/api/v1/namespaces/${namespace}/pods/${name}/eviction`, '-f', '-'],
      JSON.stringify(eviction),
    )
    const message = new RegExp(
      `pod ${name} should have ended by 2.*Z, and node ${node} does not say that it has`,
    )
    const reconciling = ({ status }: Awaited<ReturnType<typeof cluster.get>>) =>
      status?.conditions?.find(({ type }) => type === 'Reconciling')
    const job = await eventually(
      async () => {
        const now = await cluster.get()
        const said = reconciling(now)
        if (said?.reason !== 'NodeNotResponding') throw new Error(`it says ${JSON.stringify(said)}`)
        return now
      },
      { timeoutMs: 240_000, everyMs: 1_000 },
    )
    t.match(reconciling(job), { status: 'True', message })
    t.equal(job.status?.phase, 'Preparing')
    await cluster.event('NodeNotResponding', message)
    t.strictSame(
      (await cluster.kubelet.podsOf(1, 'prepare')).map(other => other.metadata.name),
      [name],
      'no other pod beside it',
    )

    await kubectl([
      'taint',
      'node',
      node,
      'node.kubernetes.io/out-of-service=nodeshutdown:NoExecute',
    ])
    await eventually(
      async () => {
        const other = await cluster.kubelet.pod(1, 'prepare')
        if (other.metadata.uid === pod.metadata.uid) throw new Error('the pod is still there')
      },
      { timeoutMs: 240_000, everyMs: 1_000 },
    )
    const after = await cluster.attempted('prepare', 2)
    t.notOk(after.status?.runs?.[0]?.stages[0]?.retries, 'nothing counts towards retry.limit')
    await cluster.until(now => reconciling(now)?.reason === 'Preparing', 'the node is still named')
  },
)
