import t from 'tap'
import { eventually } from '../fixtures/cluster/eventually.ts'
import { kubectl } from '../fixtures/cluster/kubectl.ts'
import { type TuningCluster, tuningCluster } from '../fixtures/operator/tuning-cluster.ts'

/** The garbage collector learns of a new kind of owner at most every 30 s. */
const COLLECTED = { timeoutMs: 180_000 }
const KINDS = ['jobs', 'pods', 'configmaps', 'persistentvolumeclaims'] as const

const nothingLeft = (cluster: TuningCluster) =>
  eventually(async () => {
    for (const kind of KINDS) {
      const names = await cluster.names(kind)
      if (names.length > 0) throw new Error(`left: ${names.join(', ')}`)
    }
  }, COLLECTED)

t.test('some time after its end a job holds nothing, and is still there', async t => {
  const cluster = await tuningCluster(t)
  await cluster.operator()
  await cluster.submit({ ttlSecondsAfterFinished: 1 })
  for (const stage of ['prepare', 'train', 'evaluate', 'publish'] as const)
    await cluster.kubelet.succeeds(1, stage)
  const { status } = await cluster.phase('Succeeded')
  await t.resolves(nothingLeft(cluster))
  const after = await cluster.get()
  t.strictSame(after.status, status)

  await t.test('a new run prepares again, for the workspace is gone', async t => {
    await cluster.submit({ ttlSecondsAfterFinished: 1, training: { seed: 7 } })
    await cluster.kubelet.starts(2, 'prepare')
    t.equal((await cluster.phase('Preparing')).status?.run, 2)
  })
})

t.test('deleting a job leaves nothing', async t => {
  const cluster = await tuningCluster(t)
  await cluster.operator()
  await cluster.submit()
  await cluster.kubelet.succeeds(1, 'prepare')
  await cluster.kubelet.starts(1, 'train')
  await kubectl(['delete', `itj/${cluster.name}`, '-n', cluster.namespace, '--timeout=120s'])
  await t.resolves(nothingLeft(cluster))
})
