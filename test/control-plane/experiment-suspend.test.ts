import t from 'tap'
import { hasEnded } from '../../operator/src/job/pod-state.ts'
import { Pods } from '../../operator/src/job/kinds.ts'
import { experimentCluster, scored } from '../fixtures/operator/experiment-cluster.ts'

const REST = ['train', 'evaluate'] as const
const WHOLE = ['prepare', ...REST] as const

t.test('an experiment that is suspended while two of its three trials train', async t => {
  const cluster = await experimentCluster(t)
  const { client, namespace } = cluster
  const history = await cluster.history()
  const operator = await cluster.operator()
  await cluster.submit({
    parameters: [{ path: 'training.learningRate', values: [0.0001, 0.0002, 0.0005] }],
    strategy: { type: 'Grid' },
    parallelTrials: 2,
    publish: 'None',
  })
  const live = async () =>
    (await client.list(Pods, { namespace })).items.filter(pod => !hasEnded(pod))
  const names = async () => (await cluster.jobs()).map(({ metadata }) => metadata.name).toSorted()
  for (const trial of [1, 2]) await cluster.kubeletOf(trial).succeeds(1, 'prepare')
  const pods = [await cluster.runsOnNode(1, 1, 'train'), await cluster.runsOnNode(2, 1, 'train')]
  for (const trial of [1, 2])
    await cluster.untilJob(trial, job => job.status?.runs?.[0]?.stages[1]?.attempts === 1)

  await t.test('while the pods save, it is not suspended yet', async t => {
    await cluster.edit({ suspend: true })
    const { status } = await cluster.until(
      experiment => experiment.status?.conditions?.some(({ reason }) => reason === 'Stopping'),
      'no condition has the reason Stopping',
    )
    t.equal(status?.phase, 'Running')
  })

  await t.test('once they have ended it is, and nothing of it runs', async t => {
    for (const [index, pod] of pods.entries()) await cluster.savesAndEnds(index + 1, pod)
    const { status } = await cluster.until(
      experiment => experiment.status?.phase === 'Suspended',
      'it is not suspended',
    )
    t.match(status?.conditions, [
      { type: 'Ready', status: 'False', reason: 'Suspended' },
      { type: 'Suspended', status: 'True' },
    ])
    t.strictSame(await live(), [], 'no pod holds resources')
    for (const trial of [1, 2]) {
      const job = await cluster.untilJob(trial, ({ status }) => status?.phase === 'Suspended')
      t.equal(job.status?.runs?.[0]?.stages[1]?.state, 'Stopped')
    }
  })

  await t.test('an operator that starts meanwhile starts no trial', async t => {
    await cluster.stop(operator)
    const { metadata } = await cluster.get()
    const other = await cluster.operator()
    await cluster.looked(other)
    t.equal((await cluster.get()).metadata.resourceVersion, metadata.resourceVersion)
    t.strictSame(await names(), ['search-trial-1', 'search-trial-2'])
    t.strictSame(await live(), [])
  })

  await t.test('resumed, each trial goes on in the run that it was in', async t => {
    await cluster.edit({ suspend: false })
    for (const trial of [1, 2]) await cluster.runs(trial, 1, REST, { evaluate: scored(trial / 10) })
    await cluster.runs(3, 1, WHOLE, { evaluate: scored(0.3) })
    const { status } = await cluster.until(
      experiment => experiment.status?.phase === 'Succeeded',
      'it has not succeeded',
    )
    t.match(status?.counts, { total: 3, succeeded: 3, failed: 0, stopped: 0 })
    t.strictSame(
      status?.trials?.map(({ score }) => score),
      [0.1, 0.2, 0.3],
    )
    for (const job of await cluster.jobs()) {
      const wasStopped = job.metadata.name !== 'search-trial-3'
      const [run, ...more] = job.status?.runs ?? []
      t.strictSame(more, [], `${job.metadata.name} has one run`)
      t.equal(run?.stages[0]?.attempts, 1, 'and has prepared once')
      t.equal(run?.stages[1]?.attempts, wasStopped ? 2 : 1, 'and has trained on')
    }
  })

  await t.test('no trial was lost or made twice', async t => {
    const uids = new Set(history.map(({ metadata }) => metadata.uid))
    t.equal(uids.size, 3)
    t.strictSame(await names(), ['search-trial-1', 'search-trial-2', 'search-trial-3'])
  })
})

t.test('an experiment that is suspended from the start makes no trial', async t => {
  const cluster = await experimentCluster(t)
  await cluster.operator()
  const spec = {
    parameters: [{ path: 'training.learningRate', values: [0.0001] }],
    strategy: { type: 'Grid' as const },
    publish: 'None' as const,
  }
  await cluster.submit({ ...spec, suspend: true })
  await cluster.until(({ status }) => status?.phase === 'Suspended', 'it is not suspended')
  t.strictSame(await cluster.jobs(), [])
  await cluster.edit({ suspend: false })
  await cluster.kubeletOf(1).starts(1, 'prepare')
})
