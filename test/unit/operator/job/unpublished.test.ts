import t from 'tap'
import { brokenFluxRules } from '../../../fixtures/operator/flux-rules.ts'
import { createStory } from '../../../fixtures/operator/story.ts'

const STAGES = ['prepare', 'train', 'evaluate'] as const
const OUTPUT = { uri: 'pvc://models/home' }

t.test('with output.publish false a run ends once it is evaluated', async t => {
  const story = createStory({ output: { ...OUTPUT, publish: false } }).look()
  for (const stage of STAGES) story.succeeds(1, stage)
  t.equal(story.status.phase, 'Succeeded')
  t.equal(story.run?.score, 0.9)
  t.equal(story.status.artifacts, undefined)
  t.match(story.condition('Ready'), { status: 'True', reason: 'NotPublished' })
  t.strictSame(brokenFluxRules(story.observed.job), [])
  t.strictSame(
    story.made.filter(({ kind }) => kind === 'Job').map(({ name }) => name),
    ['home-1-prepare', 'home-1-train', 'home-1-evaluate'],
  )
  t.strictSame(story.reasons().slice(-2), ['StageFinished', 'NotPublished'])

  await t.test('and turning it on publishes without training again', async t => {
    story.edit({ output: OUTPUT }).look()
    t.equal(story.status.phase, 'Publishing')
    story.succeeds(2, 'publish')
    t.equal(story.status.phase, 'Succeeded')
    t.match(
      story.run?.stages.map(({ state, fromRun }) => [state, fromRun]),
      [
        ['Skipped', 1],
        ['Skipped', 1],
        ['Skipped', 1],
        ['Succeeded', undefined],
      ],
    )
    t.equal(story.condition('Ready')?.reason, 'Succeeded')
    t.equal(story.status.artifacts?.length, 1)
  })
})

t.test('a gate that does not hold fails it all the same', async t => {
  const story = createStory({ output: { ...OUTPUT, publish: false } }).look()
  story.succeeds(1, 'prepare').succeeds(1, 'train')
  const gate = { metric: 'held-out/exactMatch', rule: 'atLeast' as const, threshold: 1, value: 0.9 }
  story.succeeds(1, 'evaluate', {
    evaluation: {
      suites: {},
      gates: [{ ...gate, passed: false }],
      gatesPassed: false,
      score: 0.9,
    },
  })
  t.match(story.status, { phase: 'Failed' })
})
