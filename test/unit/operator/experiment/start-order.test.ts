import t from 'tap'
import { newRun } from '../../../../operator/src/job/run.ts'
import { createExperimentStory } from '../../../fixtures/operator/an-experiment.ts'
import { SPEC } from '../../../fixtures/operator/tuning-job.ts'

const RATES = [{ path: 'training.learningRate', values: [0.1, 0.2, 0.3] }]
const CONTENT = { dataset: 'pairs', datasetUid: 'uid', contentHash: 'a', uri: 'pvc://pairs/a' }
const MODEL = { baseModel: 'small', source: { uri: 'hf://owner/small' } }
const found = (pins: object) => ({
  phase: 'Preparing' as const,
  runs: [{ ...newRun(1, 'hash', ''), ...pins }],
})

t.test('one trial alone looks up what all refer to', async t => {
  const template = {
    ...SPEC,
    model: { selector: { require: { maxParameters: 1 }, weights: { contextLength: 1 } } },
    dataset: { ref: { name: 'pairs' } },
  }
  const story = createExperimentStory({ template, parameters: RATES, parallelTrials: 3 }).look()
  t.strictSame(story.made(), [1])
  story.says(1, found({ model: MODEL }))
  t.strictSame(story.made(), [1], 'not before both are known')
  story.says(1, found({ model: MODEL, content: CONTENT }))
  t.strictSame(story.made(), [1, 2, 3])

  await t.test('and another does where it fails before that', async t => {
    const failing = createExperimentStory({ template, parameters: RATES, parallelTrials: 3 })
    failing.look().ends(1, 0, 'Failed')
    t.strictSame(failing.made(), [1, 2])
  })
})

t.test('a model that varies is looked up once for each of its names', async t => {
  const story = createExperimentStory({
    template: { ...SPEC, model: { ref: { name: 'small' } } },
    parameters: [
      { path: 'model.ref.name', values: ['small', 'large'] },
      { path: 'training.seed', values: [1, 2] },
    ],
    parallelTrials: 4,
  }).look()
  t.strictSame(story.made(), [1, 3])
  story.says(1, found({ model: MODEL }))
  t.strictSame(story.made(), [1, 3, 2])
  story.says(3, found({ model: MODEL }))
  t.strictSame(story.made(), [1, 3, 2, 4])
})

t.test('without references all start at once', async t => {
  const story = createExperimentStory({ parameters: RATES, parallelTrials: 3 }).look()
  t.strictSame(story.made(), [1, 2, 3])
})
