import t from 'tap'
import { kubectl } from '../fixtures/cluster/kubectl.ts'
import { eventually } from '../fixtures/cluster/eventually.ts'
import { tuningCluster } from '../fixtures/operator/tuning-cluster.ts'

t.test('the pod of a node that is gone is replaced without a retry', async t => {
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
