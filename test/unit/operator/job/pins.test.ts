import type { RunStatus } from '@attune/crds/instruction-tuning-job-status.ts'
import type { InstructionTuningJobSpec } from '@attune/crds/instruction-tuning-job-spec.ts'
import t from 'tap'
import type { InstructionDataset } from '../../../../operator/src/dataset/kinds.ts'
import type { InstructionTuningJob } from '../../../../operator/src/job/kinds.ts'
import { type Pins, pinsOf, wantsPins } from '../../../../operator/src/job/pins.ts'
import { newRun } from '../../../../operator/src/job/run.ts'
import { aDataset } from '../../../fixtures/operator/a-dataset.ts'
import { createStory, type Story } from '../../../fixtures/operator/story.ts'
import { aJob } from '../../../fixtures/operator/tuning-job.ts'

const SELECTOR = {
  model: { selector: { require: { maxParameters: 1_000_000 }, weights: { contextLength: 1 } } },
}
const REF = { dataset: { ref: { name: 'pairs' } } }
const MODEL = { baseModel: 'small', source: { uri: 'hf://owner/small' } }
const AT_COMMIT = {
  baseModel: 'small',
  source: { uri: `hf://owner/small@${'a'.repeat(40)}` },
}
const OTHER = { baseModel: 'new', source: { uri: 'hf://owner/new' } }
const content = (letter: string, datasetUid = 'dataset-uid') => ({
  dataset: 'pairs',
  datasetUid,
  contentHash: letter.repeat(64),
  uri: `pvc://pairs-dataset/curate/${letter}`,
})

const trial = (
  number: number,
  spec: Partial<InstructionTuningJobSpec>,
  ...runs: readonly Pins[]
): InstructionTuningJob => {
  const job = aJob({ name: `search-trial-${number}`, spec: { ...SELECTOR, ...REF, ...spec } })
  const stored = runs.map((pins, i): RunStatus => ({ ...newRun(i + 1, 'hash', ''), ...pins }))
  return {
    ...job,
    metadata: { ...job.metadata, uid: `uid-${number}` },
    status: { runs: stored },
  }
}

t.test('what a trial takes over', async t => {
  const current = {}
  const mine = trial(2, {}, current)
  const cases: Readonly<Record<string, readonly [InstructionTuningJob, Pins | undefined]>> = {
    'from another trial': [
      trial(1, {}, { model: MODEL, content: content('a') }),
      { model: MODEL, content: content('a') },
    ],
    'the commit with the model': [trial(1, {}, { model: AT_COMMIT }), { model: AT_COMMIT }],
    'no model where that one asks for another': [
      trial(1, { model: { ref: { name: 'small' } } }, { model: MODEL, content: content('a') }),
      { content: content('a') },
    ],
    'no content of another dataset': [
      trial(
        1,
        { dataset: { ref: { name: 'others' } } },
        { model: MODEL, content: { ...content('a'), dataset: 'others' } },
      ),
      { model: MODEL },
    ],
    'nothing of one that has found nothing yet': [trial(1, {}, {}), undefined],
  }
  for (const [name, [other, expected]] of Object.entries(cases))
    t.strictSame(pinsOf(mine, [other, mine]), expected, name)
  const [own, other] = [
    trial(2, {}, { model: MODEL, content: content('a') }, {}),
    trial(1, {}, { model: OTHER, content: content('b') }),
  ]
  t.strictSame(
    pinsOf(own, [other, own]),
    { model: MODEL, content: content('a') },
    'first of all from its own runs',
  )
  t.equal(
    pinsOf(trial(2, {}, { model: MODEL }), []),
    undefined,
    'not from the run itself: it has that already',
  )
})

t.test('only a run that has references and goes on wants any', async t => {
  t.equal(wantsPins(trial(1, {}, {})), true)
  t.equal(wantsPins(aJob({ status: { runs: [newRun(1, 'hash', '')] } })), false, 'no references')
  const [run] = trial(1, {}, {}).status?.runs ?? []
  const ended = { ...trial(1, {}), status: { runs: run ? [{ ...run, phase: 'Succeeded' }] : [] } }
  t.equal(wantsPins(ended as InstructionTuningJob), false)
})

const ready = (letter: string, uid = 'dataset-uid'): InstructionDataset => {
  const dataset = aDataset({
    status: {
      phase: 'Ready',
      observedGeneration: 1,
      contentHash: letter.repeat(64),
      preparedUri: `pvc://pairs-dataset/curate/${letter}`,
      conditions: [
        {
          type: 'Ready',
          status: 'True',
          reason: 'Prepared',
          message: '',
          observedGeneration: 1,
          lastTransitionTime: '2025-01-01T00:00:00Z',
        },
      ],
    },
  })
  return { ...dataset, metadata: { ...dataset.metadata, uid } }
}

const OUTPUT = { uri: 'pvc://models/home' }
const HALVED = {
  ...REF,
  training: { maxSteps: 40, stopAfterSteps: 20 },
  output: { ...OUTPUT, publish: false },
}
const states = (story: Story) => story.run?.stages.map(({ state }) => state)

t.test(
  'a rung goes on with the content of the rung before, though the dataset changed',
  async t => {
    const story = createStory(HALVED)
      .happens(() => ({ dataset: ready('a') }))
      .look()
    for (const stage of ['prepare', 'train', 'evaluate'] as const) story.succeeds(1, stage)
    t.equal(story.run?.phase, 'Succeeded')
    const pins = { content: content('a') }
    story.happens(() => ({ dataset: ready('b'), pins }))
    story.edit({ training: { maxSteps: 40 } }).look()
    t.match(story.run, { number: 2, phase: 'Training', content: content('a') })
    t.strictSame(states(story), ['Skipped', 'Running', 'Pending', 'Pending'])

    await t.test('and is published when the dataset is gone', async t => {
      story.succeeds(2, 'train').succeeds(2, 'evaluate')
      story.happens(({ dataset: _, ...rest }) => ({ ...rest, dataset: undefined as never, pins }))
      story.edit({ output: OUTPUT }).look()
      t.strictSame(states(story), ['Skipped', 'Skipped', 'Skipped', 'Running'])
    })

    await t.test('a job of its own takes what the dataset is now', async t => {
      const alone = createStory(HALVED)
        .happens(() => ({ dataset: ready('a') }))
        .look()
      for (const stage of ['prepare', 'train', 'evaluate'] as const) alone.succeeds(1, stage)
      alone.happens(() => ({ dataset: ready('b') }))
      alone.edit({ training: { maxSteps: 40 } }).look()
      t.equal(alone.run?.content?.contentHash, 'b'.repeat(64))
      t.equal(states(alone)?.[0], 'Running')
    })
  },
)

t.test('a trial keeps the model of the others, though the catalogue grew', async t => {
  const story = createStory(SELECTOR)
    .happens(() => ({ pins: { model: AT_COMMIT } }))
    .look()
  t.strictSame(story.run?.model, AT_COMMIT)
  t.equal(story.status.phase, 'Preparing')
  t.match(story.status.selection, AT_COMMIT, 'and shows it')
})

t.test('another dataset of the same name is nothing to compare on', async t => {
  const pins = { content: content('a') }
  const story = createStory(REF)
    .happens(() => ({ dataset: ready('b', 'another-uid'), pins }))
    .look()
  t.match(story.condition('Stalled'), {
    status: 'True',
    reason: 'WaitingForDataset',
    message: /another one than the trials of this experiment were trained on/,
  })
  t.strictSame(story.made, [])
  const equal = createStory(REF)
    .happens(() => ({ dataset: ready('a', 'another-uid'), pins }))
    .look()
  t.equal(equal.status.phase, 'Preparing', 'with equal content it is')
})
