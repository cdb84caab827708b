import type { TuningPolicySpec } from '@attune/crds/tuning-policy-spec.ts'
import { EXIT } from '@attune/crds/stage.ts'
import t from 'tap'
import type { TuningPolicy } from '../../../../operator/src/policy/kinds.ts'
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

t.test('a suspended job is suspended, whatever policies say', async t => {
  const story = createStory({ suspend: true })
  story.happens(() => SHORT_ROWS).look()
  t.equal(story.status.phase, 'Suspended')
  t.equal(story.condition('Stalled'), undefined)
})
