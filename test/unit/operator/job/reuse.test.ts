import t from 'tap'
import { brokenFluxRules } from '../../../fixtures/operator/flux-rules.ts'
import { createStory, type Story } from '../../../fixtures/operator/story.ts'
import { CLAIM, failedBecause, OUTPUT_CLAIM } from '../../../fixtures/operator/tuning-job.ts'

const STAGES = ['prepare', 'train', 'evaluate', 'publish'] as const
const FIRST = { training: { seed: 1 } }
const SECOND = { training: { seed: 2 } }

const succeed = (
  story: Story,
  run: number,
  stages: readonly (typeof STAGES)[number][] = STAGES,
) => {
  for (const stage of stages) story.succeeds(run, stage, { digest: `${run}-${stage}` })
  return story
}
const annotate = (story: Story, annotations: Readonly<Record<string, string>>) =>
  story
    .happens(({ job }) => ({ job: { ...job, metadata: { ...job.metadata, annotations } } }))
    .look()
const rerun = (story: Story, value: string) => annotate(story, { 'attune.dev/rerun': value })
const states = (story: Story) => story.run?.stages.map(({ state }) => state)
const made = (story: Story, run: number) =>
  story.made.filter(({ name }) => name.startsWith(`home-${run}`))
const twoRuns = () => {
  const story = succeed(createStory(FIRST).look(), 1)
  return succeed(story.edit(SECOND).look(), 2, ['train', 'evaluate', 'publish'])
}

t.test('back to a spec that an earlier run has published', async t => {
  const story = twoRuns().edit(FIRST).look()
  const [first] = story.status.runs ?? []
  await t.test('is finished at once, with what that run made', async t => {
    t.equal(story.status.run, 3)
    t.equal(story.status.phase, 'Succeeded')
    t.strictSame(story.status.artifacts, first?.artifacts)
    t.strictSame(story.status.evaluation, first?.evaluation)
    t.equal(story.run?.score, 0.9)
    t.equal(story.status.observedGeneration, 3)
    t.match(story.condition('Ready'), { status: 'True', message: /run 1 has published the same/ })
    t.strictSame(brokenFluxRules(story.observed.job), [])
  })
  await t.test('makes nothing', async t => {
    t.strictSame(made(story, 3), [])
    t.strictSame(
      story.run?.stages.map(({ state, fromRun }) => [state, fromRun]),
      STAGES.map(() => ['Skipped', 1]),
    )
  })
  await t.test('is told of', async t => {
    t.strictSame(story.reasons().slice(-2), ['RunStarted', 'ArtifactsReused'])
    t.match(story.events.at(-1)?.message, 'run 3: run 1 has published the same spec')
  })
  await t.test('and forth again names the run that made them', async t => {
    story.edit(SECOND).look().edit(FIRST).look()
    t.equal(story.status.run, 5)
    t.equal(story.run?.stages.at(-1)?.fromRun, 1)
    t.match(story.run?.artifacts, [{ uri: 'pvc://models/home/run-1/adapter' }])
  })
  await t.test('is a start for what comes next', async t => {
    story.edit({ ...FIRST, output: { uri: 'pvc://models/other' } }).look()
    t.strictSame(states(story), ['Skipped', 'Skipped', 'Skipped', 'Running'])
  })
})

t.test('back to a spec whose artifacts cannot be counted on any more', async t => {
  const other = { ...OUTPUT_CLAIM, metadata: { ...OUTPUT_CLAIM.metadata, uid: 'other' } }
  const lost = {
    'the claim is gone': [undefined, /but volume claim models is not there/],
    'another claim has its name': [other, /but volume claim models is not the one that run 1/],
  } as const
  for (const [name, [outputClaim, message]] of Object.entries(lost)) {
    await t.test(`${name}: it is published again, and trained only where it must`, async t => {
      const story = twoRuns()
      t.equal(story.status.runs?.[0]?.outputClaim, 'output-uid')
      story.happens(() => ({ outputClaim }) as never)
      story.edit(FIRST).look()
      t.strictSame(states(story), ['Skipped', 'Skipped', 'Skipped', 'Running'])
      t.equal(story.status.phase, 'Publishing')
      t.strictSame(story.status.artifacts, undefined)
      const told = story.events.filter(({ reason }) => reason === 'ArtifactsLost')
      t.match(told, [{ type: 'Warning', message }])
      t.equal(told.length, 1)
      t.notOk(story.reasons().includes('ArtifactsReused'))
      story.look()
      t.equal(story.reasons().filter(reason => reason === 'ArtifactsLost').length, 1, 'told once')
    })
  }

  await t.test('without its workspace it is trained again', async t => {
    const story = twoRuns()
    story.happens(() => ({ claim: undefined, outputClaim: undefined }) as never)
    story.edit(FIRST).look()
    t.strictSame(states(story), ['Running', 'Pending', 'Pending', 'Pending'])
  })

  await t.test('once published to the new claim it counts again', async t => {
    const story = twoRuns()
    story.happens(() => ({ outputClaim: other }))
    succeed(story.edit(FIRST).look(), 3, ['publish'])
    t.equal(story.status.runs?.at(-1)?.outputClaim, 'other')
    story.edit(SECOND).look()
    t.equal(story.status.phase, 'Publishing', 'of the other spec it does not')
    succeed(story, 4, ['publish'])
    story.edit(FIRST).look()
    t.equal(story.status.phase, 'Succeeded')
    t.equal(story.run?.stages.at(-1)?.fromRun, 3)
    t.equal(story.run?.outputClaim, 'other', 'the next revert knows it, too')
  })
})

t.test('back while another run goes on stops that one', async t => {
  const story = succeed(createStory(FIRST).look(), 1).edit(SECOND).look().runs(2, 'train')
  story.edit(FIRST).look()
  t.equal(story.status.phase, 'Succeeded')
  t.match(story.status.runs, [{}, { phase: 'Superseded' }, { number: 3 }])
  t.ok(story.removed.includes('Job home-2-train'))
})

t.test('back although the workspace is gone', async t => {
  const story = twoRuns()
  story.happens(({ claim: _, ...rest }) => ({ ...rest, claim: undefined }) as never)
  story.edit(FIRST).look()
  t.equal(story.status.phase, 'Succeeded')
  t.equal(story.observed.claim, undefined)
})

t.test('an earlier run that published nothing is of no use', async t => {
  const story = succeed(createStory(FIRST).look(), 1, ['prepare', 'train', 'evaluate'])
  story.edit(SECOND).look()
  story.noPods().look().edit(FIRST).look()
  t.equal(story.status.phase, 'Publishing')
  t.notOk(story.reasons().includes('ArtifactsReused'))
})

t.test('a run that history has dropped is of no use', async t => {
  const story = succeed(createStory({ ...FIRST, runHistoryLimit: 1 }).look(), 1)
  succeed(story.edit(SECOND).look(), 2)
  story.edit(FIRST).look()
  t.not(story.status.phase, 'Succeeded')
})

t.test('the annotation attune.dev/rerun', async t => {
  await t.test('starts a run though the spec is the same', async t => {
    const story = rerun(succeed(createStory().look(), 1), 'a')
    t.equal(story.status.run, 2)
    t.equal(story.run?.rerun, 'a')
    t.match(
      story.events.find(({ message }) => message.includes('attune.dev/rerun')),
      {
        reason: 'RunStarted',
      },
    )
    t.strictSame(states(story), ['Skipped', 'Skipped', 'Skipped', 'Running'], 'and publishes anew')
    t.notOk(story.reasons().includes('ArtifactsReused'))
  })
  await t.test('does so once for each of its values', async t => {
    const story = succeed(rerun(succeed(createStory().look(), 1), 'a'), 2, ['publish'])
    t.equal(story.wait(1000).look().status.run, 2)
    t.equal(rerun(story, 'b').status.run, 3)
  })
  await t.test('does nothing when it is taken away', async t => {
    const story = succeed(rerun(succeed(createStory().look(), 1), 'a'), 2, ['publish'])
    t.equal(annotate(story, {}).status.run, 2)
  })
  await t.test('does nothing where it was there from the start', async t => {
    const story = createStory()
    story.happens(({ job }) => ({
      job: { ...job, metadata: { ...job.metadata, annotations: { 'attune.dev/rerun': 'a' } } },
    }))
    succeed(story.look(), 1)
    t.equal(story.status.run, 1)
    t.equal(story.run?.rerun, 'a')
  })
  await t.test('repeats what failed, and only that', async t => {
    const story = succeed(createStory().look(), 1, ['prepare'])
    story.jobEnds(1, 'train', failedBecause('BackoffLimitExceeded')).look()
    t.equal(story.status.phase, 'Failed')
    rerun(story, 'a')
    t.equal(story.status.run, 2)
    t.strictSame(states(story), ['Skipped', 'Running', 'Pending', 'Pending'])
    t.equal(story.status.phase, 'Training')
  })
  await t.test('prepares again where the workspace is gone', async t => {
    const story = succeed(createStory().look(), 1)
    story.happens(() => ({ claim: { ...CLAIM, metadata: { ...CLAIM.metadata, uid: 'other' } } }))
    t.equal(rerun(story, 'a').status.phase, 'Preparing')
  })
  await t.test('stops a run that goes on', async t => {
    const story = rerun(createStory().look().runs(1, 'prepare'), 'a')
    t.match(story.status.runs, [{ phase: 'Superseded' }, { number: 2 }])
  })
  await t.test('with a spec that was published before runs it anew', async t => {
    const story = twoRuns().edit(FIRST)
    rerun(story, 'a')
    t.equal(story.status.phase, 'Publishing')
  })
  await t.test('counts up to 256 characters', async t => {
    const story = rerun(succeed(createStory().look(), 1), 'a'.repeat(300))
    t.equal(story.run?.rerun?.length, 256)
    t.equal(story.wait(10).look().status.run, 2)
  })
})
