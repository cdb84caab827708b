import t from 'tap'
import { brokenFluxRules } from '../../../fixtures/operator/flux-rules.ts'
import { createStory, type Story } from '../../../fixtures/operator/story.ts'
import { aPod, aResult, ended, failedBecause } from '../../../fixtures/operator/tuning-job.ts'

const annotate = (story: Story, value: string) =>
  story.happens(({ job }) => ({
    job: {
      ...job,
      metadata: { ...job.metadata, annotations: { 'attune.dev/retry-publish': value } },
    },
  }))

const refused = (story: Story) => {
  const result = aResult('publish', {
    outcome: 'Failed',
    reason: 'PublishFailed',
    message: 'read-only file system',
  })
  return story
    .pods(aPod(1, 'publish', ended(1, result)))
    .jobEnds(1, 'publish', failedBecause('BackoffLimitExceeded'))
    .look()
}

const evaluated = (story = createStory().look()) =>
  story.succeeds(1, 'prepare').succeeds(1, 'train').succeeds(1, 'evaluate')

t.test('a Publish that failed', async t => {
  const story = refused(evaluated())
  t.match(story.run, { phase: 'Failed', reason: 'PublishFailed' })
  const made = () => story.made.filter(({ name }) => name === 'home-1-publish').length

  await t.test('is tried again for a value of the annotation', async t => {
    annotate(story, 'one').look()
    t.equal(story.status.phase, 'Publishing')
    t.strictSame(story.removed, ['Job home-1-publish'], 'the Job that failed makes room')
    t.equal(made(), 2)
    t.ok(story.reasons().includes('PublishRetried'))
    t.match(story.run, { reason: undefined, message: undefined, finishedAt: undefined })
    t.equal(story.condition('Failed'), undefined)
    t.strictSame(brokenFluxRules(story.observed.job), [])
  })
  await t.test('once for each value, also where status is all that is left', async t => {
    refused(story)
    t.match(story.run, { phase: 'Failed', publishRetry: 'one' })
    t.equal(made(), 2)
    annotate(story, 'two').look()
    t.equal(story.status.phase, 'Publishing')
    t.equal(made(), 3)
  })
  await t.test('and can succeed', async t => {
    story.succeeds(1, 'publish')
    t.match(story.run, { phase: 'Succeeded', stages: [{}, { attempts: 1 }, {}, {}] })
    t.equal(story.made.filter(({ name }) => name === 'home-1-train').length, 1)
  })
})

t.test('a Publish that is tried again goes on where the cache of jobs is behind', async t => {
  const story = refused(evaluated())
  const { status: behind } = story.observed.job
  annotate(story, 'one').look()
  const removed = [...story.removed]
  story.happens(({ job }) => ({ job: { ...job, status: behind } })).look()
  t.strictSame(story.removed, removed, 'its Job stays')
  t.equal(story.status.phase, 'Publishing')
})

t.test('a value that the job already had when its run began starts nothing', async t => {
  const story = annotate(createStory(), 'from Git').look()
  refused(evaluated(story))
  t.match(story.run, { phase: 'Failed', publishRetry: 'from Git' })
  t.notOk(story.reasons().includes('PublishRetried'))
})

t.test('a value that comes while Publish is still tried counts once it failed', async t => {
  const story = evaluated()
  annotate(story, 'now').look()
  t.notOk(story.reasons().includes('PublishRetried'))
  refused(story)
  t.equal(story.status.phase, 'Publishing')
})

const inVain: Readonly<Record<string, { story: () => Story; says: RegExp }>> = {
  'a run that succeeded': {
    story: () => evaluated().succeeds(1, 'publish'),
    says: /ended as Succeeded/,
  },
  'a run that failed before its end': {
    story: () =>
      createStory()
        .look()
        .pods(aPod(1, 'prepare', ended(66)))
        .jobEnds(1, 'prepare', failedBecause('PodFailurePolicy'))
        .look(),
    says: /ended as SourceNotFound/,
  },
  'a run whose workspace is gone': {
    story: () => refused(evaluated()).happens(() => ({ claim: undefined }) as object),
    says: /workspace.* is gone/,
  },
}
for (const [name, { story: make, says }] of Object.entries(inVain)) {
  t.test(`${name} has nothing to publish again, and an Event says so once`, async t => {
    const story = make()
    const { phase } = story.status
    annotate(story, 'try').look().look()
    t.equal(story.status.phase, phase)
    const told = story.events.filter(({ reason }) => reason === 'PublishNotRetried')
    t.equal(told.length, 1)
    t.match(told[0]?.message, says)
  })
}
