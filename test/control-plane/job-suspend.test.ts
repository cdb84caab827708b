import t from 'tap'
import { Pods } from '../../operator/src/job/kinds.ts'
import { bindPod } from '../fixtures/cluster/bind-pod.ts'
import { eventually } from '../fixtures/cluster/eventually.ts'
import { kubectl } from '../fixtures/cluster/kubectl.ts'
import { brokenFluxRules } from '../fixtures/operator/flux-rules.ts'
import { tuningCluster } from '../fixtures/operator/tuning-cluster.ts'

t.test('suspend stops the pod, resume goes on', async t => {
  const cluster = await tuningCluster(t)
  const history = await cluster.history()
  await cluster.operator()
  await cluster.submit()
  await cluster.kubelet.succeeds(1, 'prepare')
  const waiting = await cluster.kubelet.pod(1, 'train')
  const { name } = waiting.metadata
  await bindPod(cluster.namespace, name)
  const pod = await cluster.kubelet.starts(1, 'train')
  await cluster.phase('Training')
  await cluster.attempted('train')

  await t.test('while the pod saves, the job is not suspended yet', async t => {
    await cluster.submit({ suspend: true })
    await eventually(async () => {
      const { metadata } = await cluster.client.get(Pods, { name, namespace: cluster.namespace })
      if (!metadata.deletionTimestamp) throw new Error(`pod ${name} is not being deleted`)
    })
    const { status } = await cluster.until(
      job => job.status?.conditions?.some(({ reason }) => reason === 'Stopping') === true,
      'no condition has the reason Stopping',
    )
    t.equal(status?.phase, 'Training')
  })
  await t.test('once the pod is gone, it is', async t => {
    await cluster.kubelet.ends(pod, 75)
    const force = ['--grace-period=0', '--force']
    await kubectl(['delete', 'pod', name, '-n', cluster.namespace, ...force])
    const { status } = await cluster.phase('Suspended')
    t.match(status?.conditions, [
      { type: 'DatasetReady', status: 'True' },
      { type: 'Ready', status: 'False', reason: 'Suspended' },
      { type: 'Suspended', status: 'True' },
    ])
    t.strictSame(await cluster.names('pods'), [`pod/${await preparePod()}`])
  })
  await t.test('resumed, the same stage runs again and the job succeeds', async t => {
    await cluster.submit({ suspend: false })
    await cluster.kubelet.succeeds(1, 'train')
    await cluster.kubelet.succeeds(1, 'evaluate')
    await cluster.kubelet.succeeds(1, 'publish')
    const { status } = await cluster.phase('Succeeded')
    t.equal(status?.run, 1)
    t.equal(status?.runs?.[0]?.stages[1]?.attempts, 2)
    // the last of them
    await cluster.event('Succeeded')
    const reasons = (await cluster.events()).map(({ reason }) => reason)
    t.ok(reasons.includes('Suspended'))
    t.ok(reasons.includes('Resumed'))
    t.notOk(reasons.includes('Retrying'))
  })
  await t.test('every status on the way keeps the rules of Flux', async t => {
    for (const seen of history.filter(({ status }) => status?.phase))
      t.strictSame(brokenFluxRules(seen), [], `${seen.status?.phase}`)
  })

  async function preparePod() {
    const pods = await cluster.kubelet.podsOf(1, 'prepare')
    return pods[0]?.metadata.name
  }
})

t.test('a job that is suspended from the start makes no pod', async t => {
  const cluster = await tuningCluster(t)
  await cluster.operator()
  await cluster.submit({ suspend: true })
  const { status } = await cluster.phase('Suspended')
  t.equal(status?.runs?.[0]?.stages[0]?.state, 'Pending')
  t.strictSame(await cluster.names('jobs'), [])
  await cluster.submit({ suspend: false })
  await cluster.kubelet.starts(1, 'prepare')
  await cluster.phase('Preparing')
})
