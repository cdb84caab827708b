import t from 'tap'
import { experimentCluster, scored } from '../fixtures/operator/experiment-cluster.ts'

const WHOLE = ['prepare', 'train', 'evaluate'] as const
const RATES = [0.0001, 0.0002, 0.0003, 0.0004, 0.0005]

t.test('an operator that starts in the middle of an experiment', async t => {
  const cluster = await experimentCluster(t)
  const history = await cluster.history()
  const operator = await cluster.operator()
  await cluster.submit({
    parameters: [{ path: 'training.learningRate', values: RATES }],
    strategy: { type: 'Grid' },
    parallelTrials: 3,
    publish: 'None',
  })
  for (const trial of [1, 2, 3]) await cluster.kubeletOf(trial).starts(1, 'prepare')
  await cluster.runs(1, 1, WHOLE.slice(0, 2))
  await cluster.kubeletOf(1).starts(1, 'evaluate')
  const evaluation = { reason: 'DatasetMalformed' as const, message: 'line 7 is no JSON' }

  await t.test('sees what happened while there was none', async t => {
    await cluster.stop(operator)
    await cluster.kubeletOf(1).succeeds(1, 'evaluate', scored(0.9))
    await cluster.kubeletOf(2).fails(1, 'prepare', 65, evaluation)
    await cluster.kubectl('delete', 'itj', 'search-trial-3', '--wait=true')
    await cluster.operator()
    const { status } = await cluster.until(
      ({ status }) => status?.counts?.failed === 1 && status.counts.succeeded === 1,
      'failure and success are not seen',
    )
    t.match(status?.best, { trial: 1, score: 0.9 })
  })

  await t.test('and goes on with the trials that are left', async t => {
    for (const trial of [3, 4, 5])
      await cluster.runs(trial, 1, WHOLE, { evaluate: scored(trial / 10) })
    const { status } = await cluster.until(
      experiment => experiment.status?.phase === 'Succeeded',
      'it has not succeeded',
    )
    t.match(status?.counts, { total: 5, succeeded: 4, failed: 1 })
    t.match(status?.best, { trial: 1, score: 0.9 })
    t.strictSame(
      status?.trials?.map(({ parameters }) => parameters['training.learningRate']),
      RATES.map(String),
      'the same trials',
    )
  })

  await t.test('none of them twice, but for the one that was deleted', async t => {
    const made = new Map<string, Set<string>>()
    for (const { metadata } of history) {
      const uids = made.get(metadata.name) ?? new Set<string>()
      made.set(metadata.name, uids.add(metadata.uid ?? ''))
    }
    t.strictSame(Object.fromEntries([...made].map(([name, uids]) => [name, uids.size])), {
      'search-trial-1': 1,
      'search-trial-2': 1,
      'search-trial-3': 2,
      'search-trial-4': 1,
      'search-trial-5': 1,
    })
    const attempts = (await cluster.jobs()).flatMap(({ status }) =>
      (status?.runs ?? []).flatMap(({ stages }) => stages.map(stage => stage.attempts ?? 0)),
    )
    t.ok(
      attempts.every(count => count <= 1),
      'and no stage twice',
    )
  })
})

t.test('an experiment that is deleted while its trials run leaves nothing', async t => {
  const cluster = await experimentCluster(t)
  await cluster.operator()
  await cluster.submit({
    parameters: [{ path: 'training.learningRate', values: RATES }],
    strategy: { type: 'Grid' },
    parallelTrials: 2,
  })
  await cluster.kubeletOf(1).starts(1, 'prepare')
  await cluster.kubeletOf(2).succeeds(1, 'prepare')
  await cluster.kubeletOf(2).starts(1, 'train')
  await cluster.kubectl('delete', 'tex', 'search')
  await cluster.gone()
  t.strictSame(await cluster.jobs(), [])
})
