import type { TuningPolicySpec } from '@attune/crds/tuning-policy-spec.ts'
import { aBaseModel } from '../../../fixtures/crds/a-base-model.ts'
import { EXIT } from '@attune/crds/stage.ts'
import t from 'tap'
import type { TuningPolicy } from '../../../../operator/src/policy/kinds.ts'
import { aDataset } from '../../../fixtures/operator/a-dataset.ts'
import { KUEUE, kueueSays } from '../../../fixtures/operator/a-workload.ts'
import { createStory } from '../../../fixtures/operator/story.ts'
import { aPod, ended } from '../../../fixtures/operator/tuning-job.ts'

const aPolicy = (spec: TuningPolicySpec): TuningPolicy => ({
  apiVersion: 'attune.dev/v1alpha1',
  kind: 'TuningPolicy',
  metadata: { name: 'small' },
  spec,
})
const SHORT_ROWS = { policies: [aPolicy({ maxSequenceLength: 256 })] }
const REFUSAL =
  'spec.training.sequenceLength is 512, and TuningPolicy small allows at most 256 (maxSequenceLength)'

t.test('a job that a policy does not allow starts nothing and says why', async t => {
  const story = createStory()
  story.happens(() => SHORT_ROWS).look()
  t.strictSame(story.made, [])
  t.match(story.condition('Stalled'), {
    status: 'True',
    reason: 'PolicyViolation',
    message: `run 1: ${REFUSAL}`,
  })
  t.match(story.condition('Ready'), { status: 'False', reason: 'PolicyViolation' })
  t.equal(story.condition('Reconciling'), undefined)
  story.wait(600).look()
  t.strictSame(story.reasons(), ['Accepted', 'PolicyViolation'], 'one Event for it')
})

t.test('it goes on once the policy allows it, or the spec asks for less', async t => {
  const changes = {
    'the policy': story =>
      story.happens(() => ({ policies: [aPolicy({ maxSequenceLength: 512 })] })),
    'the spec': story => story.edit({ training: { sequenceLength: 256 } }),
  } satisfies Record<string, (story: ReturnType<typeof createStory>) => unknown>
  for (const [what, change] of Object.entries(changes)) {
    const story = createStory()
    story.happens(() => SHORT_ROWS).look()
    change(story)
    story.look()
    t.ok(
      story.made.some(({ kind }) => kind === 'Job'),
      what,
    )
    t.equal(story.condition('Stalled'), undefined, what)
  }
})

t.test('a policy that comes later stops no stage and lets no other start', async t => {
  const story = createStory().look()
  const before = story.made.length
  story.happens(() => SHORT_ROWS).look()
  t.equal(story.status.phase, 'Preparing')
  t.equal(story.condition('Stalled'), undefined)
  t.strictSame(story.removed, [])
  story.succeeds(1, 'prepare')
  t.equal(story.made.length, before)
  t.match(story.condition('Stalled'), { reason: 'PolicyViolation' })
})

const HELD = { held: true }
const FREE = { held: false }
const QUEUE = { queueName: 'team-a' }

t.test('a stage that waits in its queue is taken out of it', async t => {
  const story = createStory(QUEUE).look()
  t.equal(story.status.phase, 'Queued')
  story.happens(kueueSays(1, 'prepare', KUEUE.waits, HELD)).happens(() => SHORT_ROWS)
  story.look()
  t.strictSame(story.removed, ['Job home-1-prepare'])
  t.equal(story.status.phase, 'Pending')
  t.match(story.condition('Stalled'), { reason: 'PolicyViolation', message: `run 1: ${REFUSAL}` })
  t.equal(story.condition('QuotaReserved'), undefined)
  story.wait(600).look()
  t.equal(story.reasons().filter(reason => reason === 'PolicyViolation').length, 1)

  story.happens(() => ({ policies: [] })).look()
  t.equal(story.status.phase, 'Queued', 'it goes into the queue again')
  t.equal(story.made.filter(({ name }) => name === 'home-1-prepare').length, 2)
  t.equal(story.condition('Stalled'), undefined)
})

t.test('a stage whose quota is taken back ends, and stays out of the queue', async t => {
  const story = createStory(QUEUE).look()
  story.happens(kueueSays(1, 'prepare', KUEUE.admitted, FREE)).runs(1, 'prepare')
  story.happens(() => SHORT_ROWS).look()
  t.equal(story.status.phase, 'Preparing', 'what runs is not stopped')
  story.happens(kueueSays(1, 'prepare', KUEUE.preempted, HELD)).look()
  t.strictSame(story.removed, [], 'its pod has yet to end')
  story.pods(aPod(1, 'prepare', ended(EXIT.stopped))).look()
  t.strictSame(story.removed, ['Job home-1-prepare'])
  t.match(story.condition('Stalled'), { reason: 'PolicyViolation' })
  story.happens(() => ({ policies: [] })).look()
  t.ok(story.reasons().includes('Resumed'))
  t.equal(story.run?.stages[0]?.retries, undefined, 'that was no retry')
})

const FOREIGN = { sources: [{ uri: 'https://data.example/a.jsonl' }] }
const OWN_DATA = { policies: [aPolicy({ allowedDatasetSources: ['pvc://datasets/'] })] }
const OLDER =
  'run 1: InstructionDataset pairs has the source https://data.example/a.jsonl, and TuningPolicy small allows only [pvc://datasets/] (allowedDatasetSources)'
const readyDataset = (spec: object = {}, contentHash = 'c'.repeat(64)) =>
  aDataset({
    spec,
    status: {
      phase: 'Ready',
      observedGeneration: 1,
      contentHash,
      preparedUri: 'pvc://pairs-dataset/curate/key',
      conditions: [
        {
          type: 'Ready',
          status: 'True',
          reason: 'Prepared',
          message: '540 examples',
          observedGeneration: 1,
          lastTransitionTime: '2025-01-01T00:00:00Z',
        },
      ],
    },
  })
const ON_DATASET = { dataset: { ref: { name: 'pairs' } } }

t.test('a dataset that was ready before the policy brings no job its sources', async t => {
  const heldOut = { sources: [{ uri: 'pvc://datasets/a.jsonl' }], validation: FOREIGN }
  for (const spec of [FOREIGN, heldOut]) {
    const story = createStory(ON_DATASET)
    story.happens(() => ({ ...OWN_DATA, dataset: readyDataset(spec) })).look()
    t.strictSame(story.made, [])
    t.match(story.condition('Stalled'), { reason: 'PolicyViolation', message: OLDER })
    story.happens(() => ({ dataset: readyDataset() })).look()
    t.equal(story.status.phase, 'Preparing', 'an edit of the dataset mends it')
  }
})

t.test('a run is held to the sources of the content that it keeps', async t => {
  const story = createStory(ON_DATASET)
  story.happens(() => ({ dataset: readyDataset(FOREIGN) })).look()
  t.equal(story.status.phase, 'Preparing')
  // edited since: the run keeps the content of before
  story.happens(() => ({ ...OWN_DATA, dataset: readyDataset({}, 'd'.repeat(64)) }))
  story.succeeds(1, 'prepare')
  t.match(story.condition('Stalled'), { reason: 'PolicyViolation', message: OLDER })

  const allowed = createStory(ON_DATASET)
  allowed.happens(() => ({ ...OWN_DATA, dataset: readyDataset() })).look()
  allowed.happens(() => ({ dataset: readyDataset(FOREIGN, 'd'.repeat(64)) }))
  allowed.succeeds(1, 'prepare')
  t.equal(allowed.status.phase, 'Training', 'and to no others')
})

t.test('a run whose content tells no sources is held to those of its dataset', async t => {
  const story = createStory(ON_DATASET)
  story.happens(() => ({ dataset: readyDataset(FOREIGN) })).look()
  story.happens(({ job }) => {
    const runs = job.status?.runs?.map(({ content, ...run }) => {
      const { sources: _, ...rest } = content ?? {}
      return { ...run, content: rest }
    })
    return { ...OWN_DATA, job: { ...job, status: { ...job.status, runs } } as typeof job }
  })
  story.succeeds(1, 'prepare')
  t.match(story.condition('Stalled'), { reason: 'PolicyViolation', message: OLDER })
})

const OWN_MODELS = { policies: [aPolicy({ allowedModelSources: ['pvc://models/'] })] }

t.test('a model of the catalogue is held to its source, also once a run keeps it', async t => {
  const { spec } = aBaseModel('small')
  const { apiVersion } = aPolicy({})
  const small = { apiVersion, kind: 'BaseModel', metadata: { name: 'small' }, spec }
  const references: readonly Parameters<typeof createStory>[0][] = [
    { model: { ref: { name: 'small' } } },
    { model: { selector: { weights: { parameters: 1 } } } },
  ]
  for (const model of references) {
    const story = createStory(model).happens(() => ({ ...OWN_MODELS, baseModels: [small] }))
    story.look()
    t.strictSame(story.made, [])
    t.equal(story.run?.model, undefined, 'it is not taken')
    t.match(story.condition('Ready'), {
      status: 'Unknown',
      message: /hf:\/\/models\/small/,
    })

    const later = createStory(model).happens(() => ({ baseModels: [small] }))
    later.look()
    t.equal(later.status.phase, 'Preparing')
    const elsewhere = { ...small, spec: { ...spec, source: { uri: 'pvc://models/small' } } }
    later.happens(() => ({ ...OWN_MODELS, baseModels: [elsewhere] })).succeeds(1, 'prepare')
    t.match(later.condition('Stalled'), {
      reason: 'PolicyViolation',
      message: /the BaseModel has the source hf:\/\/models\/small/,
    })
  }
})

t.test('a suspended job is suspended, whatever policies say', async t => {
  const story = createStory({ suspend: true })
  story.happens(() => SHORT_ROWS).look()
  t.equal(story.status.phase, 'Suspended')
  t.equal(story.condition('Stalled'), undefined)
})
