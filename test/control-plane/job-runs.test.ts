import t from 'tap'
import { tuningCluster } from '../fixtures/operator/tuning-cluster.ts'

t.test('a spec change is a new run that repeats only what it must', async t => {
  const cluster = await tuningCluster(t)
  await cluster.operator()
  const stagesOf = async (run: number) => {
    const { status } = await cluster.get()
    return status?.runs?.find(({ number }) => number === run)?.stages ?? []
  }
  const states = async (run: number) => (await stagesOf(run)).map(({ state }) => state)

  await cluster.submit({ training: { learningRate: 0.0002 } })
  for (const stage of ['prepare', 'train', 'evaluate', 'publish'] as const)
    await cluster.kubelet.succeeds(1, stage)
  await cluster.phase('Succeeded')

  await t.test('another learning rate skips Prepare', async t => {
    await cluster.submit({ training: { learningRate: 0.001 } })
    for (const stage of ['train', 'evaluate', 'publish'] as const)
      await cluster.kubelet.succeeds(2, stage, { digest: `second-digest-of-${stage}` })
    const { status } = await cluster.until(
      job => job.status?.run === 2 && job.status.phase === 'Succeeded',
      'run 2 has not succeeded',
    )
    t.strictSame(await states(2), ['Skipped', 'Succeeded', 'Succeeded', 'Succeeded'])
    t.equal((await stagesOf(2))[0]?.fromRun, 1)
    t.equal(status?.dataset?.trainExamples, 540, 'and knows the figures of its data')
    t.strictSame(await cluster.kubelet.podsOf(2, 'prepare'), [])
  })

  await t.test('the first spec again trains and evaluates nothing, and publishes', async t => {
    await cluster.submit({ training: { learningRate: 0.0002 } })
    await cluster.kubelet.succeeds(3, 'publish')
    const { status } = await cluster.until(
      job => job.status?.run === 3 && job.status.phase === 'Succeeded',
      'run 3 has not succeeded',
    )
    t.strictSame(await states(3), ['Skipped', 'Skipped', 'Skipped', 'Succeeded'])
    t.equal(status?.evaluation?.score, 0.9)
    // the last of them
    await cluster.event('Succeeded', /run 3/)
    const reasons = (await cluster.events()).map(({ reason }) => reason)
    t.equal(reasons.filter(reason => reason === 'StageSkipped').length, 4)
    t.equal(reasons.filter(reason => reason === 'RunStarted').length, 2)
  })

  await t.test('a scheduling field changes no run', async t => {
    await cluster.submit({ training: { learningRate: 0.0002 }, retry: { limit: 5 } })
    const { status } = await cluster.until(
      ({ metadata, status }) => status?.observedGeneration === metadata.generation,
      'the change is not observed',
    )
    t.equal(status?.run, 3)
    t.equal(status?.phase, 'Succeeded')
  })

  await t.test(
    'history keeps as many runs as asked for, and what belongs to the rest goes',
    async t => {
      await cluster.submit({ training: { learningRate: 0.0002 }, runHistoryLimit: 1 })
      const { status } = await cluster.until(
        job => job.status?.runs?.length === 1,
        'history is not cut',
      )
      t.equal(status?.runs?.[0]?.number, 3)
      t.strictSame(await cluster.names('configmaps'), ['configmap/home-3'])
      t.strictSame(await cluster.names('jobs'), ['job.batch/home-3-publish'])
    },
  )
})

t.test('a change while a stage runs stops its pod', async t => {
  const cluster = await tuningCluster(t)
  await cluster.operator()
  await cluster.submit({ training: { seed: 1 } })
  await cluster.kubelet.succeeds(1, 'prepare')
  const pod = await cluster.kubelet.starts(1, 'train')
  await cluster.submit({ training: { seed: 2 } })
  await cluster.kubelet.starts(2, 'train')
  t.strictSame(
    (await cluster.kubelet.podsOf(1, 'train')).filter(
      ({ metadata }) => metadata.uid === pod.metadata.uid,
    ),
    [],
  )
  const { status } = await cluster.until(job => job.status?.run === 2, 'run 2 has not begun')
  t.match(status?.runs, [
    { phase: 'Superseded', stages: [{}, { state: 'Stopped' }] },
    { phase: 'Training', stages: [{ state: 'Skipped' }] },
  ])
})
