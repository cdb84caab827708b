import t from 'tap'
import type { InstructionTuningJobSpec } from '@attune/crds/instruction-tuning-job-spec.ts'
import { aDataset } from '../../../fixtures/operator/a-dataset.ts'
import { aStoredModel } from '../../../fixtures/operator/a-stored-model.ts'
import { createStory, type Story } from '../../../fixtures/operator/story.ts'

type Behind = { readonly uri?: string; readonly contentHash?: string }

const FIRST = 'c'.repeat(64)
const REFERENCES: Readonly<Record<string, Partial<InstructionTuningJobSpec>>> = {
  'dataset.ref': { dataset: { ref: { name: 'pairs' } } },
  'model.ref': { model: { ref: { name: 'small' } } },
  'model.selector': {
    model: { selector: { require: { maxParameters: '1B' }, weights: { parameters: 1 } } },
  },
}
const STAGES = ['prepare', 'train', 'evaluate', 'publish'] as const

const put = (story: Story, { uri = 'hf://models/small', contentHash = FIRST }: Behind = {}) =>
  story.happens(() => ({
    baseModels: [aStoredModel({ spec: { source: { uri } } })],
    dataset: aDataset({
      status: {
        phase: 'Ready',
        observedGeneration: 1,
        contentHash,
        preparedUri: `pvc://pairs-dataset/curate/${contentHash}`,
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
    }),
  }))

/** Two runs are published; then the first spec comes back, with that behind its references. */
const reverted = (
  spec: Partial<InstructionTuningJobSpec>,
  behind: Behind = {},
  meanwhile: (story: Story) => Story = story => story,
) => {
  const story = put(createStory(spec)).look()
  for (const stage of STAGES) story.succeeds(1, stage, { digest: `1-${stage}` })
  story.edit({ training: { seed: 9 } }).look()
  for (const stage of ['train', 'evaluate', 'publish'] as const)
    story.succeeds(2, stage, { digest: `2-${stage}` })
  return meanwhile(put(story, behind)).edit({ training: {} }).look()
}

/** Somebody deletes the claim that the runs were published to. */
const withoutClaim = (story: Story) =>
  story.happens(
    ({ outputClaim: _gone, ...rest }) => ({ ...rest, outputClaim: undefined }) as object,
  )

for (const [name, spec] of Object.entries(REFERENCES)) {
  t.test(`back to a spec with ${name}`, async t => {
    await t.test('is finished at once where it stands for the same', async t => {
      const story = reverted(spec)
      t.equal(story.status.run, 3)
      t.equal(story.status.phase, 'Succeeded')
      t.strictSame(story.status.artifacts, story.status.runs?.[0]?.artifacts)
      t.strictSame(
        story.made.filter(({ name }) => name.startsWith('home-3')),
        [],
      )
      t.match(story.events.at(-1), { reason: 'ArtifactsReused', message: /run 1/ })
    })
    await t.test('says once that the artifacts are lost, and makes them anew', async t => {
      const story = reverted(spec, {}, withoutClaim).look()
      t.match(story.run, { number: 3, phase: 'Publishing' }, 'the workspace has all but the output')
      const told = story.events.filter(({ reason }) => reason === 'ArtifactsLost')
      t.equal(told.length, 1)
      t.match(told[0], { type: 'Warning', message: /run 3.*volume claim models is not there/ })
    })
  })
}

t.test('back to a spec whose reference stands for something else', async t => {
  await t.test('prepares where it is other content', async t => {
    const story = reverted(REFERENCES['dataset.ref'] ?? {}, { contentHash: 'd'.repeat(64) })
    t.match(story.run, { number: 3, phase: 'Preparing' })
    t.notOk(story.reasons().includes('ArtifactsReused'))
  })
  await t.test('prepares where it is another model', async t => {
    const story = reverted(REFERENCES['model.ref'] ?? {}, { uri: 'hf://models/other' })
    t.match(story.run, { number: 3, phase: 'Preparing' })
    t.notOk(story.reasons().includes('ArtifactsReused'))
  })
})

t.test('attune.dev/rerun publishes anew though the references stand for the same', async t => {
  const story = reverted(REFERENCES['dataset.ref'] ?? {})
  story
    .happens(({ job }) => ({
      job: { ...job, metadata: { ...job.metadata, annotations: { 'attune.dev/rerun': 'a' } } },
    }))
    .look()
  t.match(story.run, { number: 4, phase: 'Publishing' })
})
