import t from 'tap'
import { createStory } from '../../../fixtures/operator/story.ts'

const artifact = (uri: string, format: 'Merged' | 'GGUF') => ({
  uri,
  format,
  digest: 'sha256:1',
  bytes: 9,
})

t.test('status lists every format; what a short message left out is put before it', async t => {
  const story = createStory().look()
  for (const stage of ['prepare', 'train', 'evaluate'] as const)
    story.runs(1, stage).succeeds(1, stage)
  story.runs(1, 'publish').succeeds(1, 'publish', {
    artifacts: [
      artifact('run-1/merged', 'Merged'),
      artifact('pvc://models/home/run-1/gguf', 'GGUF'),
    ],
  })
  t.equal(story.status.phase, 'Succeeded')
  t.strictSame(story.status.artifacts, [
    artifact('pvc://models/home/run-1/merged', 'Merged'),
    artifact('pvc://models/home/run-1/gguf', 'GGUF'),
  ])
})
