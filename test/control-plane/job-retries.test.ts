import t from 'tap'
import { tuningCluster } from '../fixtures/operator/tuning-cluster.ts'
import { aResult } from '../fixtures/operator/tuning-job.ts'

// Each has a namespace and an operator of its own, and mostly waits.
t.jobs = 4
const TOGETHER = { buffered: true }

t.test('a failure that may pass is tried again', TOGETHER, async t => {
  const cluster = await tuningCluster(t)
  await cluster.operator()
  await cluster.submit({ retry: { limit: 1 } })
  await cluster.kubelet.succeeds(1, 'prepare')

  await t.test('for a reason of its own', async t => {
    await cluster.kubelet.fails(1, 'train', 1, { reason: 'StageFailed', message: 'no answer' })
    const { status } = await cluster.until(
      job => job.status?.conditions?.some(({ reason }) => reason === 'Retrying') === true,
      'no condition has the reason Retrying',
    )
    t.equal(status?.phase, 'Training')
    await cluster.kubelet.pod(1, 'train')
    await cluster.until(
      job => job.status?.runs?.[0]?.stages[1]?.attempts === 2,
      'no second attempt',
    )
    await cluster.event('Retrying')
  })
  await t.test('a checkpoint at SIGTERM costs no retry', async t => {
    await cluster.kubelet.fails(1, 'train', 75, { outcome: 'Stopped', digest: '' })
    await cluster.kubelet.pod(1, 'train')
    await cluster.until(job => job.status?.runs?.[0]?.stages[1]?.attempts === 3, 'no third attempt')
    t.equal((await cluster.get()).status?.phase, 'Training')
  })
  await t.test('more often than retry.limit it is not', async t => {
    await cluster.kubelet.fails(1, 'train', 1, { reason: 'StageFailed', message: 'disk is full' })
    const { status } = await cluster.phase('Failed')
    t.match(status?.runs?.[0], { reason: 'RetriesExhausted', message: /disk is full/ })
  })
})

t.test('a pod that Kubernetes takes away costs no retry', TOGETHER, async t => {
  const cluster = await tuningCluster(t)
  await cluster.operator()
  const history = await cluster.history()
  await cluster.submit({ retry: { limit: 0 } })
  await cluster.kubelet.succeeds(1, 'prepare')
  const first = await cluster.kubelet.starts(1, 'train')
  await cluster.kubelet.evicts(first)
  const second = await cluster.kubelet.starts(1, 'train')
  t.not(second.metadata.uid, first.metadata.uid, 'another pod is made')
  await cluster.until(job => job.status?.runs?.[0]?.stages[1]?.attempts === 2, 'no second attempt')
  await cluster.kubelet.ends(second, 0, JSON.stringify(aResult('train')))
  await cluster.kubelet.succeeds(1, 'evaluate')
  await cluster.kubelet.succeeds(1, 'publish')
  const { status } = await cluster.phase('Succeeded')
  t.strictSame(
    status?.runs?.[0]?.stages.map(({ attempts }) => attempts),
    [1, 2, 1, 1],
  )
  t.notOk(
    history.some(job => job.status?.conditions?.some(({ type }) => type === 'Failed')),
    'the job never failed',
  )
})
