import t from 'tap'
import { createStory } from '../../../fixtures/operator/story.ts'

const KEPT = { uri: 'pvc://models/home', publish: false }

t.test('with one run in the history the next takes over its stages all the same', async t => {
  const story = createStory({ runHistoryLimit: 1, output: KEPT }).look()
  for (const stage of ['prepare', 'train', 'evaluate'] as const) story.succeeds(1, stage)
  story.edit({ output: { uri: 'pvc://models/home' } }).look()
  t.strictSame(
    story.run?.stages.map(({ state }) => state),
    ['Skipped', 'Skipped', 'Skipped', 'Running'],
  )
  t.strictSame(
    story.status.runs?.map(({ number }) => number),
    [1, 2],
  )
  story.succeeds(2, 'publish')
  t.equal(story.status.phase, 'Succeeded')
  t.strictSame(
    story.status.runs?.map(({ number }) => number),
    [2],
    'which goes with the end of the run',
  )
})

t.test('a longer history is no longer for it', async t => {
  const story = createStory({ runHistoryLimit: 2 }).look()
  for (const seed of [1, 2, 3]) story.edit({ training: { seed } }).look()
  t.equal(story.status.runs?.length, 2)
})
