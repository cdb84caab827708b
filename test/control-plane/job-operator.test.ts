import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import type { InstructionTuningJob } from '../../operator/src/job/kinds.ts'
import { eventually } from '../fixtures/cluster/eventually.ts'
import { tuningCluster } from '../fixtures/operator/tuning-cluster.ts'

t.test('an operator that was away finds out what happened', async t => {
  const cluster = await tuningCluster(t)
  const first = await cluster.operator()
  await cluster.submit()
  await cluster.kubelet.succeeds(1, 'prepare')
  const pod = await cluster.kubelet.starts(1, 'train')
  await cluster.phase('Training')
  await cluster.stop(first)
  await cluster.kubelet.ends(pod, 0, trainResult)
  await cluster.operator()
  await cluster.kubelet.succeeds(1, 'evaluate')
  await cluster.kubelet.succeeds(1, 'publish')
  const { status } = await cluster.phase('Succeeded')
  t.strictSame(
    status?.runs?.[0]?.stages.map(({ attempts }) => attempts),
    [1, 1, 1, 1],
    'no stage ran twice',
  )
  // the last of them
  await cluster.event('Succeeded')
  const reasons = (await cluster.events()).map(({ reason }) => reason)
  t.equal(reasons.filter(reason => reason === 'Accepted').length, 1)
  t.equal(reasons.filter(reason => reason === 'StageStarted').length, 4)
})

const stepOf = (job: InstructionTuningJob | undefined) => job?.status?.training?.step ?? 0

const trainResult = JSON.stringify({
  stage: 'train',
  outcome: 'Succeeded',
  key: 'k',
  digest: 'd',
  seconds: 3,
})

t.test('of two replicas one acts, and the other when that one stops', async t => {
  const cluster = await tuningCluster(t)
  const replicas = [
    await cluster.operator({ leaderElect: true }),
    await cluster.operator({ leaderElect: true }),
  ]
  /** A renewal that comes late gives the lead up for a moment; there are never two. */
  const leads = () =>
    eventually(() => {
      const found = replicas.filter(replica => replica.isLeader())
      t.ok(found.length <= 1, 'never two')
      if (!found[0]) throw new Error('nobody leads')
      return found[0]
    })
  const leader = await leads()
  await cluster.submit()
  await cluster.kubelet.succeeds(1, 'prepare')
  await cluster.kubelet.starts(1, 'train')
  await cluster.phase('Training')
  await cluster.event('StageStarted', /stage train/)
  const instancesOf = async () => new Set((await cluster.events()).map(({ instance }) => instance))
  t.equal((await instancesOf()).size, 1, 'all Events are from one replica')

  await cluster.stop(leader)
  await cluster.kubelet.succeeds(1, 'train')
  await cluster.phase('Evaluating')
  t.not(await leads(), leader)
  await cluster.event('StageStarted', /stage evaluate/)
  t.equal((await instancesOf()).size, 2)
})

t.test(
  'progress of a running pod goes into status, no more often than it is looked at',
  async t => {
    let step = 0
    const server = createServer((_request, response) => {
      step += 1
      const training = {
        ...{ step, totalSteps: 1000, epoch: 0.1, loss: 1 / step, learningRate: 0.001 },
        ...{ gradientNorm: 1, tokensPerSecond: 400, etaSeconds: 9, microBatchSeconds: 2 },
      }
      const progress = { stage: 'train', activity: 'training', fraction: 0.5, training }
      response.end(JSON.stringify(progress))
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    t.teardown(() => {
      server.closeAllConnections()
      server.close()
    })
    const cluster = await tuningCluster(t)
    const history = await cluster.history()
    const { port } = server.address() as AddressInfo
    await cluster.operator({ trainerPort: port, pollIntervalMs: 500 })
    await cluster.submit()
    await cluster.kubelet.succeeds(1, 'prepare')
    await cluster.kubelet.starts(1, 'train')
    const { status } = await cluster.until(
      job => (job.status?.training?.step ?? 0) >= 3,
      'no progress in status',
    )
    t.match(status?.training, { totalSteps: 1000, progress: /^\d+\/1000$/, microBatchSeconds: 2 })

    const last = step + 3
    await eventually(() => {
      if (stepOf(history.at(-1)) < last) throw new Error(`no version tells of step ${last}`)
    })
    // every answer tells of another step
    const told = history.map(stepOf).filter(told => told > 0)
    t.strictSame(told, [...new Set(told)], 'no answer is written twice')
  },
)
