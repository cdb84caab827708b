import type { TuningPolicySpec } from '@attune/crds/tuning-policy-spec.ts'
import t from 'tap'
import type { TuningPolicy } from '../../../../operator/src/policy/kinds.ts'
import { createStory } from '../../../fixtures/operator/story.ts'

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

t.test('a suspended job is suspended, whatever policies say', async t => {
  const story = createStory({ suspend: true })
  story.happens(() => SHORT_ROWS).look()
  t.equal(story.status.phase, 'Suspended')
  t.equal(story.condition('Stalled'), undefined)
})
