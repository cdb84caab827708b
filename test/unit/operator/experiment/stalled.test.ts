import t from 'tap'
import { createExperimentStory } from '../../../fixtures/operator/an-experiment.ts'
import { at } from '../../../fixtures/operator/tuning-job.ts'

const GRID = { parameters: [{ path: 'training.learningRate', values: [0.1, 0.2] }] }
const stalled = (reason: string) => ({
  phase: 'Pending' as const,
  conditions: [
    {
      type: 'Stalled',
      status: 'True' as const,
      reason,
      message: 'mend it',
      lastTransitionTime: at(0),
      observedGeneration: 1,
    },
  ],
})

for (const reason of ['InvalidSpec', 'PolicyViolation', 'DatasetFailed', 'FailedToStart'])
  t.test(`a trial that is stalled for ${reason} is a result, and the next one starts`, async t => {
    const story = createExperimentStory(GRID).look().says(1, stalled(reason))
    t.match(story.row(1), { phase: 'Failed', message: `${reason}: mend it` })
    t.strictSame(story.made(), [1, 2])
    t.match(story.status.counts, { failed: 1, running: 1 })
    t.ok(story.events.some(({ reason, type }) => reason === 'TrialFailed' && type === 'Warning'))
    story.ends(2, 0.5).ends(2, 0.5)
    t.match(story.status, { phase: 'Succeeded', best: { trial: 2 } })
    t.equal(story.job(1)?.spec?.suspend, true, 'it goes on no more')
  })

t.test('where all are, the experiment has failed, until one of them is helped', async t => {
  const story = createExperimentStory(GRID).look()
  story.says(1, stalled('PolicyViolation')).says(2, stalled('PolicyViolation'))
  t.equal(story.condition('Stalled')?.reason, 'NoTrialSucceeded')
  t.not(story.job(1)?.spec?.suspend, true)
  story.says(1, { phase: 'Training', conditions: [] })
  t.equal(story.status.phase, 'Running')
  story.ends(1, 0.5).ends(1, 0.5)
  t.match(story.status, { phase: 'Succeeded', best: { trial: 1 } })
})

t.test('what was said of an earlier spec of the job does not count', async t => {
  const story = createExperimentStory(GRID).look()
  story.says(1, { ...stalled('InvalidSpec'), observedGeneration: 0 })
  t.equal(story.row(1)?.phase, 'Pending')
  t.strictSame(story.made(), [1])
})

t.test('a best trial that cannot be published fails the experiment', async t => {
  const story = createExperimentStory(GRID).look().ends(1, 0.9).ends(2, 0.8)
  t.equal(story.status.phase, 'Publishing')
  story.says(1, { ...stalled('PolicyViolation'), runs: story.job(1)?.status?.runs ?? [] })
  t.match(story.condition('Ready'), {
    reason: 'PublishFailed',
    message: /search-trial-1: PolicyViolation: mend it/,
  })
  story.ends(1, 0.9)
  t.equal(story.status.phase, 'Succeeded')
})

t.test('what stalled all of them passes, and no more go on than may run at once', async t => {
  const values = [0.1, 0.2, 0.3, 0.4, 0.5]
  const grid = { parameters: [{ path: 'training.learningRate', values }], parallelTrials: 2 }
  const story = createExperimentStory(grid).look()
  const all = values.map((_, index) => index + 1)
  for (const trial of all) story.says(trial, stalled('PolicyViolation'))
  t.strictSame(story.made(), all)
  const goOn = () => all.filter(trial => story.job(trial)?.spec?.suspend !== true)
  for (const trial of all) story.says(trial, { phase: 'Preparing', conditions: [] })
  t.strictSame(goOn(), [1, 2])
  for (const trial of [3, 4, 5]) story.says(trial, { phase: 'Suspended', conditions: [] })
  t.strictSame(goOn(), [1, 2], 'one that waits takes no place of one that runs')
  story.ends(2, 0.5)
  t.strictSame(goOn(), [1, 2, 3], 'the next one takes the place of one that has ended')
  story.ends(1, 0.5)
  t.strictSame(goOn(), [1, 2, 3, 4])
})

t.test('fewer trials at once: the newest are suspended, with their checkpoints', async t => {
  const story = createExperimentStory({ ...GRID, parallelTrials: 2 }).look()
  for (const trial of [1, 2]) story.says(trial, { phase: 'Training', conditions: [] })
  story.edit({ parallelTrials: 1 })
  t.notOk(story.job(1)?.spec?.suspend)
  t.ok(story.job(2)?.spec?.suspend)
})

t.test('one that is helped while the best is published does not hold that up', async t => {
  const story = createExperimentStory({ ...GRID, parallelTrials: 1 }).look()
  story.says(1, stalled('PolicyViolation')).ends(2, 0.5)
  t.equal(story.status.phase, 'Publishing')
  story.says(2, { phase: 'Publishing', conditions: [], runs: story.job(2)?.status?.runs ?? [] })
  story.says(1, { phase: 'Training', conditions: [] })
  t.notOk(story.job(2)?.spec?.suspend)
  t.ok(story.job(1)?.spec?.suspend)
})
