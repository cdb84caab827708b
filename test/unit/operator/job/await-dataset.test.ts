import t from 'tap'
import type { InstructionDataset } from '../../../../operator/src/dataset/kinds.ts'
import { aDataset } from '../../../fixtures/operator/a-dataset.ts'
import { brokenFluxRules } from '../../../fixtures/operator/flux-rules.ts'
import { createStory } from '../../../fixtures/operator/story.ts'
import { aPod, at } from '../../../fixtures/operator/tuning-job.ts'

const REF = { dataset: { ref: { name: 'pairs' } } }
const HASH = 'c'.repeat(64)

const condition = (status: 'True' | 'False', reason: string, message: string) => ({
  type: 'Ready',
  status,
  reason,
  message,
  observedGeneration: 1,
  lastTransitionTime: '2025-01-01T00:00:00Z',
})
const ready = (contentHash = HASH, key = 'key'): InstructionDataset =>
  aDataset({
    status: {
      phase: 'Ready',
      observedGeneration: 1,
      contentHash,
      preparedUri: `pvc://pairs-dataset/curate/${key}`,
      conditions: [condition('True', 'Prepared', '540 examples')],
    },
  })
const failed = aDataset({
  status: {
    phase: 'Failed',
    observedGeneration: 1,
    conditions: [condition('False', 'DatasetMalformed', 'home.jsonl line 7: not JSON')],
  },
})

t.test('a job waits for its dataset, says so, and starts by itself', async t => {
  const story = createStory(REF).look()
  t.equal(story.status.phase, 'Pending')
  t.strictSame(story.made, [], 'nothing is made while it waits')
  t.match(story.condition('DatasetReady'), {
    status: 'False',
    reason: 'WaitingForDataset',
    message: 'InstructionDataset pairs is not there',
  })
  t.strictSame(story.reasons(), ['Accepted', 'WaitingForDataset'])
  t.strictSame(brokenFluxRules(story.observed.job), [])

  story.happens(() => ({ dataset: aDataset() })).look()
  t.match(story.condition('DatasetReady'), { message: /is about to be read/ })
  t.equal(story.reasons().length, 2, 'told once')

  story.happens(() => ({ dataset: ready() })).look()
  t.equal(story.status.phase, 'Preparing')
  t.strictSame(story.run?.content, {
    dataset: 'pairs',
    datasetUid: 'dataset-uid',
    contentHash: HASH,
    uri: 'pvc://pairs-dataset/curate/key',
    sources: ['pvc://datasets/home.jsonl'],
  })
  const file = story.manifest('home-1') as { data: { 'job.json': string } }
  t.match(JSON.parse(file.data['job.json']).spec.dataset, {
    ref: { name: 'pairs' },
    curated: { contentHash: HASH, uri: 'pvc://pairs-dataset/curate/key' },
  })
  const pod = JSON.stringify(story.manifest('home-1-prepare'))
  t.match(pod, '"mountPath":"/mnt/pvc/pairs-dataset","readOnly":true')
})

t.test('a failed dataset stalls the job until it is mended', async t => {
  const story = createStory(REF)
    .happens(() => ({ dataset: failed }))
    .look()
  t.match(story.condition('Stalled'), { status: 'True', reason: 'DatasetFailed' })
  t.match(story.condition('DatasetReady'), {
    status: 'False',
    message: /pairs failed: DatasetMalformed: home\.jsonl line 7/,
  })
  t.match(story.events.at(-1), { type: 'Warning', reason: 'DatasetFailed' })
  t.strictSame(brokenFluxRules(story.observed.job), [])
  story.happens(() => ({ dataset: ready() })).look()
  t.equal(story.status.phase, 'Preparing')
  t.notOk(story.condition('Stalled'))
})

t.test('a run keeps the content that it started with', async t => {
  const story = createStory(REF)
    .happens(() => ({ dataset: ready() }))
    .look()
  const { key } = story.run?.stages[0] ?? {}
  story.happens(() => ({ dataset: ready('d'.repeat(64), 'next') })).look()
  t.equal(story.run?.content?.contentHash, HASH)
  story.runs(1, 'prepare').succeeds(1, 'prepare')
  t.equal(story.status.phase, 'Training')
  t.equal(story.run?.stages[0]?.key, key)
  t.equal(story.status.runs?.length, 1, 'an edit of the dataset starts no run')
})

t.test(
  'another run takes the content of its day, and equal content is not prepared again',
  async t => {
    const prepareOf = (contentHash: string) => {
      const story = createStory(REF)
        .happens(() => ({ dataset: ready() }))
        .look()
        .runs(1, 'prepare')
        .succeeds(1, 'prepare')
      story
        .happens(() => ({ dataset: ready(contentHash, 'next'), stageJobs: [], pods: [] }))
        .edit({ evaluation: { everySteps: 7 } })
        .look()
      return story.status.runs?.at(-1)?.stages[0]
    }
    t.match(prepareOf(HASH), { state: 'Skipped', fromRun: 1 }, 'though it lies elsewhere')
    t.match(prepareOf('d'.repeat(64)), { state: 'Running' })
  },
)

t.test('a dataset of the same name made anew is waited for', async t => {
  const story = createStory({ ...REF, suspend: true })
    .happens(() => ({ dataset: ready() }))
    .look()
  story.edit({ suspend: false }).look()
  t.equal(story.status.phase, 'Preparing')
  const again = createStory(REF)
    .happens(() => ({ dataset: ready() }))
    // of an earlier run, so that nothing can start yet
    .pods(aPod(9, 'train', { runningSince: at(0) }))
    .look()
  t.ok(again.run?.content, 'kept')
  again
    .noPods()
    .happens(() => ({ dataset: aDataset() }))
    .happens(({ dataset }) =>
      dataset ? { dataset: { ...dataset, metadata: { ...dataset.metadata, uid: 'other' } } } : {},
    )
  again.look()
  t.equal(again.condition('DatasetReady')?.reason, 'WaitingForDataset')
  t.strictSame(again.made, [])
})
