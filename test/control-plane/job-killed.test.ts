import t from 'tap'
import { StageJobs } from '../../operator/src/job/kinds.ts'
import { brokenFluxRules } from '../fixtures/operator/flux-rules.ts'
import { aResult } from '../fixtures/operator/tuning-job.ts'
import { type TuningCluster, tuningCluster } from '../fixtures/operator/tuning-cluster.ts'

const JOB = 'home-1-train'

const trainJob = ({ client, namespace }: TuningCluster) =>
  client.get(StageJobs, { name: JOB, namespace })
const argsOf = (pod: object): readonly string[] =>
  (pod as { spec: { containers: { args: string[] }[] } }).spec.containers[0]?.args ?? []
const killed = async (cluster: TuningCluster, reason?: string) => {
  const pod = await cluster.kubelet.starts(1, 'train')
  await cluster.kubelet.ends(pod, 137, undefined, reason)
  return pod
}
const untilRetries = (cluster: TuningCluster, retries: number) =>
  cluster.until(
    ({ status }) => status?.runs?.[0]?.stages[1]?.retries === retries,
    `not ${retries} retries`,
  )

t.test('a Train pod that is killed for memory', async t => {
  const cluster = await tuningCluster(t)
  const first = await cluster.operator()
  await cluster.submit({ retry: { limit: 2 } })
  await cluster.kubelet.succeeds(1, 'prepare')

  await t.test('is followed by one with half the micro-batch', async t => {
    const pod = await killed(cluster, 'OOMKilled')
    t.notOk(argsOf(pod).includes('--micro-batch-halvings'))
    const { status } = await untilRetries(cluster, 1)
    t.equal(status?.phase, 'Training')
    const next = await cluster.kubelet.pod(1, 'train')
    t.strictSame(argsOf(next).slice(-2), ['--micro-batch-halvings', '1'])
    t.match(await trainJob(cluster), { spec: { backoffLimit: 1 } })
    await cluster.event('OutOfMemory')
    t.match((await cluster.event('MicroBatchHalved')).message, /half as many rows/)
  })

  await t.test('also when the operator was away', async t => {
    const pod = await cluster.kubelet.starts(1, 'train')
    await cluster.stop(first)
    await cluster.kubelet.ends(pod, 137, undefined, 'OOMKilled')
    await cluster.operator()
    await untilRetries(cluster, 2)
    const next = await cluster.kubelet.pod(1, 'train')
    t.strictSame(argsOf(next).slice(-2), ['--micro-batch-halvings', '2'])
    t.match(await trainJob(cluster), { spec: { backoffLimit: 0 } })
    const job = await cluster.until(
      ({ status }) => status?.runs?.[0]?.stages[1]?.attempts === 3,
      'no third attempt',
    )
    t.match(job.status?.runs?.[0]?.stages[1], { retries: 2, memoryKills: 2 })
    t.strictSame(brokenFluxRules(job), [])
  })

  await t.test('and when that one succeeds, so does the run', async t => {
    await cluster.kubelet.ends(
      await cluster.kubelet.starts(1, 'train'),
      0,
      JSON.stringify(aResult('train')),
    )
    await cluster.phase('Evaluating')
    await cluster.event('StageFinished', /stage train/)
    const reasons = (await cluster.events()).map(({ reason }) => reason)
    t.equal(reasons.filter(reason => reason === 'MicroBatchHalved').length, 2)
    t.notOk(reasons.includes('RetriesExhausted'))
  })
})

t.test('a Train pod that is killed more often than retry.limit', async t => {
  const cluster = await tuningCluster(t)
  await cluster.operator()
  await cluster.submit({ retry: { limit: 1 } })
  await cluster.kubelet.succeeds(1, 'prepare')
  await killed(cluster, 'Error')
  await untilRetries(cluster, 1)
  const next = await cluster.kubelet.pod(1, 'train')
  t.notOk(argsOf(next).includes('--micro-batch-halvings'), 'not for memory: as it was')
  await killed(cluster, 'OOMKilled')
  const { status } = await cluster.phase('Failed')
  t.match(status?.runs?.[0], { reason: 'OutOfMemory', message: /retry.limit is used up/ })
})

t.test('a Train pod whose accelerator has no memory left', async t => {
  const cluster = await tuningCluster(t)
  await cluster.operator()
  await cluster.submit({ retry: { limit: 1 } })
  await cluster.kubelet.succeeds(1, 'prepare')
  const message = 'memory of the accelerator or of the pod ran out (CUDA failure 2: out of memory)'
  const result = { ...aResult('train'), outcome: 'Failed', reason: 'OutOfMemory', message }
  const runsOut = async () => {
    const pod = await cluster.kubelet.starts(1, 'train')
    await cluster.kubelet.ends(pod, 79, JSON.stringify(result))
  }

  await t.test('is followed by one with half the micro-batch', async t => {
    await runsOut()
    const { status } = await untilRetries(cluster, 1)
    t.match(status?.runs?.[0]?.stages[1], { memoryKills: 1 })
    const next = await cluster.kubelet.pod(1, 'train')
    t.strictSame(argsOf(next).slice(-2), ['--micro-batch-halvings', '1'])
    t.match(await trainJob(cluster), { spec: { backoffLimit: 0 } })
    t.match((await cluster.event('OutOfMemory')).message, message)
    await cluster.event('MicroBatchHalved')
  })

  await t.test('and fails once retry.limit is used up', async t => {
    await runsOut()
    const job = await cluster.phase('Failed')
    t.match(job.status?.runs?.[0], {
      reason: 'OutOfMemory',
      message: `${message} (retry.limit is used up)`,
    })
    t.strictSame(brokenFluxRules(job), [])
  })
})
