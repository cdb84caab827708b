import t from 'tap'
import { checkHistory, untilSeen } from '../fixtures/gitops/check-history.ts'
import { experimentCluster, scored } from '../fixtures/operator/experiment-cluster.ts'
import { SPEC } from '../fixtures/operator/tuning-job.ts'

const WHOLE = ['prepare', 'train', 'evaluate'] as const
const RATES = [0.0001, 0.0002, 0.0005, 0.001]

t.test('a grid of four, two at a time, one of which fails', async t => {
  const cluster = await experimentCluster(t)
  const history = await cluster.experimentHistory()
  const operator = await cluster.operator()
  await cluster.submit({
    parameters: [{ path: 'training.learningRate', values: RATES }],
    strategy: { type: 'Grid' },
    parallelTrials: 2,
  })
  const numbers = async () =>
    (await cluster.jobs()).map(({ metadata }) => metadata.labels?.['attune.dev/trial'])

  await t.test('two trials start, each with its value and an output of its own', async t => {
    await cluster.kubeletOf(1).starts(1, 'prepare')
    await cluster.kubeletOf(2).starts(1, 'prepare')
    await cluster.until(({ status }) => status?.counts?.running === 2, 'two do not run')
    t.strictSame((await numbers()).toSorted(), ['1', '2'])
    const { spec, metadata } = await cluster.untilJob(2, () => true)
    t.equal(spec?.training.learningRate, 0.0002)
    t.match(spec?.output, { uri: 'pvc://models/home/trial-2', publish: false })
    t.match(metadata.ownerReferences, [{ kind: 'TuningExperiment', name: 'search' }])
  })

  await t.test('one that fails is a result, and the next one starts', async t => {
    await cluster.kubeletOf(1).fails(1, 'prepare', 65, {
      reason: 'DatasetMalformed',
      message: 'line 7 is no JSON',
    })
    await cluster.runs(2, 1, WHOLE, { evaluate: scored(0.4) })
    await cluster.runs(3, 1, WHOLE, { evaluate: scored(0.8) })
    const { status } = await cluster.until(
      ({ status }) => status?.counts?.succeeded === 2 && status.counts.failed === 1,
      'two have not succeeded, or none has failed',
    )
    t.match(status?.counts, { total: 4, failed: 1, succeeded: 2 })
    t.match(status?.best, {
      trial: 3,
      score: 0.8,
      parameters: { 'training.learningRate': '0.0005' },
    })
    t.match(status?.trials?.[0], { phase: 'Failed', message: /DatasetMalformed: .*line 7/ })
  })

  await t.test('another operator goes on with the same trials', async t => {
    await cluster.stop(operator)
    await cluster.operator()
    await cluster.runs(4, 1, WHOLE, { evaluate: scored(0.6) })
    t.strictSame((await numbers()).toSorted(), ['1', '2', '3', '4'])
  })

  await t.test('the best one is published, and trains no second time', async t => {
    await cluster.until(({ status }) => status?.phase === 'Publishing', 'nothing is published')
    const artifact = {
      uri: 'pvc://models/home/run-2/adapter',
      format: 'Adapter' as const,
      digest: 'sha256:1',
      bytes: 9,
    }
    await cluster.runs(3, 2, ['publish'], { publish: { artifacts: [artifact] } })
    const { status } = await cluster.until(
      experiment => experiment.status?.phase === 'Succeeded',
      'it has not succeeded',
    )
    t.match(status?.best, { job: 'search-trial-3', artifacts: [artifact.uri] })
    t.match(
      status?.conditions?.find(({ type }) => type === 'Ready'),
      { status: 'True' },
    )
    const { spec, status: trial } = await cluster.untilJob(3, () => true)
    t.equal(spec?.output.uri, 'pvc://models/home')
    t.strictSame(
      trial?.runs?.at(-1)?.stages.map(({ state }) => state),
      ['Skipped', 'Skipped', 'Skipped', 'Succeeded'],
    )
  })

  await t.test('kubectl shows it', async t => {
    const shown = await cluster.kubectl('get', 'tex')
    t.match(shown, /PHASE\s+TRIALS\s+BEST-SCORE\s+BEST\s+AGE/)
    t.match(shown, /search\s+Succeeded\s+4\/4\s+0\.8\s+search-trial-3/)
  })

  await t.test('Flux and Argo CD see every status on the way as its phase says', async t => {
    await untilSeen(history, 'Succeeded')
    const phases = await checkHistory(t, history)
    for (const phase of ['Running', 'Publishing', 'Succeeded'])
      t.ok(phases.has(phase), `${phase} was looked at`)
  })

  await t.test('its deletion leaves nothing', async () => {
    await cluster.kubectl('delete', 'tex', 'search')
    await cluster.gone()
  })
})

t.test('a spec that cannot work makes no trial', async t => {
  const cluster = await experimentCluster(t)
  await cluster.operator()
  await cluster.submit({
    parameters: [{ path: 'training.learningRate', values: [0.1, 7] }],
    strategy: { type: 'Grid' },
  })
  const { status } = await cluster.until(
    experiment => experiment.status?.phase === 'Failed',
    'it has not failed',
  )
  t.match(
    status?.conditions?.find(({ type }) => type === 'Stalled'),
    {
      reason: 'InvalidSpec',
      message: /trial 2 .*spec\.training\.learningRate/,
    },
  )
  t.strictSame(await cluster.jobs(), [])
})

t.test('halving: the better of two goes on from its checkpoint', async t => {
  const cluster = await experimentCluster(t)
  await cluster.operator()
  await cluster.submit({
    template: { ...SPEC, training: { maxSteps: 40 } },
    parameters: [{ path: 'training.learningRate', values: [0.0001, 0.001] }],
    strategy: { type: 'SuccessiveHalving', minSteps: 20, reductionFactor: 2 },
    maxTrials: 2,
    parallelTrials: 2,
    publish: 'None',
  })
  await cluster.runs(1, 1, WHOLE, { evaluate: scored(0.3) })
  await cluster.runs(2, 1, WHOLE, { evaluate: scored(0.6) })
  await cluster.runs(2, 2, ['train', 'evaluate'], {
    train: { digest: 'whole' },
    evaluate: { digest: 'whole', ...scored(0.7) },
  })
  const { status } = await cluster.until(
    experiment => experiment.status?.phase === 'Succeeded',
    'it has not succeeded',
  )
  t.match(status?.best, { trial: 2, score: 0.7 })
  t.match(status?.trials, [
    { phase: 'Stopped', score: 0.3 },
    { phase: 'Succeeded', rung: 1 },
  ])
  const { spec, status: trial } = await cluster.untilJob(2, () => true)
  t.equal(spec?.training.stopAfterSteps, undefined)
  t.strictSame(
    trial?.runs?.at(-1)?.stages.map(({ state }) => state),
    ['Skipped', 'Succeeded', 'Succeeded', 'Skipped'],
  )
})
