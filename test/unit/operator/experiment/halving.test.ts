import t from 'tap'
import { rungSize, rungsOf } from '@attune/crds/experiment/rungs.ts'
import { anExperiment, createExperimentStory } from '../../../fixtures/operator/an-experiment.ts'
import { SPEC } from '../../../fixtures/operator/tuning-job.ts'

const HALVING = {
  template: { ...SPEC, training: { maxSteps: 90 } },
  parameters: [{ path: 'training.learningRate', range: { min: 0.0001, max: 0.01 } }],
  strategy: { type: 'SuccessiveHalving' as const, minSteps: 10 },
  maxTrials: 9,
  parallelTrials: 9,
}
const all = Array.from({ length: 9 }, (_, i) => i + 1)

t.test('rungs', async t => {
  const rungs = (minSteps: number, reductionFactor: number) =>
    rungsOf(
      anExperiment({ ...HALVING, strategy: { ...HALVING.strategy, minSteps, reductionFactor } })
        .spec,
    )
  t.strictSame(rungs(10, 3), [10, 30, undefined])
  t.strictSame(rungs(40, 2), [40, 80, undefined])
  t.strictSame(rungsOf(anExperiment().spec), [undefined], 'another strategy has one')
  t.strictSame(
    [0, 1, 2, 3].map(rung => rungSize(9, rung, 3)),
    [9, 3, 1, 1],
  )
  t.equal(rungSize(243, 5, 3), 1)
})

t.test('the best of each rung go on from where they are', async t => {
  const story = createExperimentStory(HALVING).look()
  const stops = () => all.map(trial => story.job(trial)?.spec?.training.stopAfterSteps)
  t.strictSame(
    stops(),
    all.map(() => 10),
  )
  for (const trial of all.slice(0, 8)) story.ends(trial, trial / 10)
  t.strictSame(
    stops(),
    all.map(() => 10),
    'not before all have ended',
  )
  t.equal(story.row(3)?.phase, 'Paused')
  story.ends(9, 0.05)
  t.strictSame(stops(), [10, 10, 10, 10, 10, 30, 30, 30, 10])
  t.match(story.row(1), { phase: 'Stopped', message: 'rung 1 of 3: not among its best 3' })
  t.equal(story.status.progress, '6/9')
  t.equal(story.status.best?.trial, 8)
  // a low score of a higher rung counts more than a high one of a lower
  story.ends(8, 0.1).ends(7, 0.6).ends(6, 0.5)
  t.strictSame(stops(), [10, 10, 10, 10, 10, 30, undefined, 30, 10])
  t.match(story.row(7), { phase: 'Running', rung: 2, score: 0.6 })
  t.equal(story.job(7)?.spec?.output.publish, false)
  story.ends(7, 0.65)
  t.equal(story.status.phase, 'Publishing')
  t.match(story.status.best, { trial: 7, score: 0.65 })
  story.ends(7, 0.65)
  t.match(story.status, { phase: 'Succeeded', counts: { succeeded: 1, stopped: 8 } })
})

t.test(
  'a promotion that parallelTrials holds back goes on later, with the same trials',
  async t => {
    const story = createExperimentStory({ ...HALVING, parallelTrials: 2 }).look()
    for (const trial of all) story.ends(trial, trial / 10)
    const beyond = () => all.filter(trial => story.job(trial)?.spec?.training.stopAfterSteps === 30)
    t.strictSame(beyond(), [8, 9])
    story.ends(9, 0.95)
    t.strictSame(beyond(), [7, 8, 9])
  },
)

t.test('what fails takes no place of the next rung', async t => {
  const story = createExperimentStory(HALVING).look()
  for (const trial of all) story.ends(trial, trial / 10, trial > 1 ? 'Failed' : 'Succeeded')
  t.equal(story.job(1)?.spec?.training.stopAfterSteps, 30)
  story.ends(1, 0.2, 'Failed')
  t.equal(story.status.phase, 'Failed')
  t.equal(story.condition('Ready')?.reason, 'NoTrialSucceeded')
})

t.test('publish All is for those that train to their end', async t => {
  const story = createExperimentStory({ ...HALVING, publish: 'All' }).look()
  for (const trial of all) story.ends(trial, trial / 10)
  t.equal(story.job(9)?.spec?.output.publish, false)
  for (const trial of [7, 8, 9]) story.ends(trial, trial / 10)
  t.strictSame(story.job(9)?.spec?.output, { uri: 'pvc://models/home/trial-9' })
  story.ends(9, 0.9)
  t.equal(story.status.phase, 'Succeeded')
})
