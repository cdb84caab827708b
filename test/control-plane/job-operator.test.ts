import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
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
  const reasons = (await cluster.events()).map(({ reason }) => reason)
  t.equal(reasons.filter(reason => reason === 'Accepted').length, 1)
  t.equal(reasons.filter(reason => reason === 'StageStarted').length, 4)
})

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
  const leader = await eventually(() => {
    const found = replicas.find(replica => replica.isLeader())
    if (!found) throw new Error('nobody leads')
    return found
  })
  await cluster.submit()
  await cluster.kubelet.succeeds(1, 'prepare')
  await cluster.kubelet.starts(1, 'train')
  await cluster.phase('Training')
  t.equal(replicas.filter(replica => replica.isLeader()).length, 1)
  const instances = new Set((await cluster.events()).map(({ instance }) => instance))
  t.equal(instances.size, 1, 'all Events are from one replica')

  await cluster.stop(leader)
  await cluster.kubelet.succeeds(1, 'train')
  await cluster.phase('Evaluating')
  t.strictSame(
    replicas.map(replica => replica.isLeader()),
    replicas.map(replica => replica !== leader),
  )
  t.equal(new Set((await cluster.events()).map(({ instance }) => instance)).size, 2)
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

    const before = { polls: step, writes: history.length }
    await cluster.until(
      job => (job.status?.training?.step ?? 0) >= before.polls + 3,
      'no more progress in status',
    )
    const writes = history.length - before.writes
    const polls = step - before.polls
    t.ok(writes >= 1, 'progress is written')
    t.ok(writes <= polls + 1, `${writes} writes of status for ${polls} answers`)
  },
)
