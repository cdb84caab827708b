import type { Reason } from '@attune/crds/conditions.ts'
import t from 'tap'
import { brokenFluxRules } from '../../../fixtures/operator/flux-rules.ts'
import { createStory } from '../../../fixtures/operator/story.ts'
import {
  aPod,
  aResult,
  at,
  COMPLETE,
  ended,
  failedBecause,
} from '../../../fixtures/operator/tuning-job.ts'

type Case = {
  readonly ends: ReturnType<typeof ended>
  readonly job: string
  readonly reason: Reason
  readonly message: RegExp
}
const said = (reason: Reason, message: string) =>
  aResult('train', { outcome: 'Failed', reason, message })

const cases: Readonly<Record<string, Case>> = {
  'the reason that the stage names is the reason of the job': {
    ends: ended(76, said('TrainingDiverged', 'loss is NaN at step 12')),
    job: 'PodFailurePolicy',
    reason: 'TrainingDiverged',
    message: /loss is NaN at step 12/,
  },
  'without a result the exit code speaks': {
    ends: ended(76),
    job: 'PodFailurePolicy',
    reason: 'TrainingDiverged',
    message: /exit code 76 and left no result/,
  },
  'an exit code without a meaning of its own': {
    ends: ended(70, 'Segmentation fault'),
    job: 'PodFailurePolicy',
    reason: 'StageFailed',
    message: /exit code 70 and left no result/,
  },
  'a reason that nobody knows is not repeated': {
    ends: ended(65, JSON.stringify({ ...aResult('train'), outcome: 'Failed', reason: 'Pwned' })),
    job: 'PodFailurePolicy',
    reason: 'StageFailed',
    message: /exit code 65/,
  },
  'a result of another stage is none': {
    ends: ended(65, aResult('prepare', { outcome: 'Failed', reason: 'DatasetMalformed' })),
    job: 'PodFailurePolicy',
    reason: 'StageFailed',
    message: /exit code 65 and left no result/,
  },
  'killed for memory to the end, by a Job that does not end with a kill': {
    ends: ended(137, undefined, { reason: 'OOMKilled' }),
    job: 'BackoffLimitExceeded',
    reason: 'OutOfMemory',
    message: /resources.limits.memory.*retry.limit is used up/,
  },
  'out of memory to the end, without a result that can be read': {
    ends: ended(79),
    job: 'BackoffLimitExceeded',
    reason: 'OutOfMemory',
    message: /exit code 79 and left no result \(retry.limit is used up\)/,
  },
  'a failure without a name, more often than retry.limit': {
    ends: ended(1, said('StageFailed', 'disk is full')),
    job: 'BackoffLimitExceeded',
    reason: 'RetriesExhausted',
    message: /disk is full/,
  },
  'a failure with a name, more often than retry.limit': {
    ends: ended(1, said('PublishFailed', 'read-only file system')),
    job: 'BackoffLimitExceeded',
    reason: 'PublishFailed',
    message: /read-only file system/,
  },
  'longer than retry.deadlineSeconds': {
    ends: ended(75),
    job: 'DeadlineExceeded',
    reason: 'DeadlineExceeded',
    message: /retry.deadlineSeconds/,
  },
  'a Job that fails for a reason of its own': {
    ends: ended(0, aResult('train')),
    job: 'FailedIndexes',
    reason: 'StageFailed',
    message: /FailedIndexes/,
  },
}

for (const [name, { ends, job, reason, message }] of Object.entries(cases)) {
  t.test(name, async t => {
    const story = createStory().look().succeeds(1, 'prepare')
    story
      .pods(aPod(1, 'train', ends))
      .jobEnds(1, 'train', failedBecause(job))
      .look()
    t.equal(story.status.phase, 'Failed')
    t.match(story.run, { phase: 'Failed', reason, message, stages: [{}, { state: 'Failed' }] })
    t.match(story.condition('Stalled'), { status: 'True', reason })
    t.equal(story.condition('Reconciling'), undefined)
    t.equal(story.condition('DatasetReady')?.status, 'True')
    t.strictSame(brokenFluxRules(story.observed.job), [])
    t.match(story.events.at(-1), { type: 'Warning', reason })
  })
}

t.test('a Job that gives up before the end of its last pod is seen is waited for', async t => {
  for (const why of ['BackoffLimitExceeded', 'PodFailurePolicy']) {
    const first = aPod(1, 'train', ended(1, said('StageFailed', 'no answer')), { name: 'first' })
    const second = (state: Parameters<typeof aPod>[2]) =>
      aPod(1, 'train', state, { name: 'second', createdAt: at(20) })
    const story = createStory().look().succeeds(1, 'prepare').pods(first).look()
    story
      .pods(first, second({ runningSince: at(21) }))
      .jobEnds(1, 'train', failedBecause(why))
      .look()
    t.equal(story.status.phase, 'Training', why)
    story.pods(second(ended(65, said('DatasetMalformed', 'line 17')))).look()
    t.match(story.run, { phase: 'Failed', reason: 'DatasetMalformed', message: /line 17/ }, why)
  }
})

t.test('a result without a digest is no success', async t => {
  const story = createStory().look()
  const { digest: _, ...result } = aResult('prepare')
  story
    .pods(aPod(1, 'prepare', ended(0, result)))
    .jobEnds(1, 'prepare')
    .look()
  t.equal(story.run?.reason, 'StageFailed')
})

t.test('an evaluation that does not tell of its gates publishes nothing', async t => {
  const gates = [{ metric: 'held-out/exactMatch', atLeast: 0.8 }]
  const story = createStory({ evaluation: { gates } }).look()
  const { evaluation: _, ...result } = aResult('evaluate')
  story.succeeds(1, 'prepare').succeeds(1, 'train')
  story
    .pods(aPod(1, 'evaluate', ended(0, result)))
    .jobEnds(1, 'evaluate')
    .look()
  t.equal(story.run?.reason, 'StageFailed')
})

t.test('gates', async t => {
  const gate = { metric: 'held-out/exactMatch', rule: 'atLeast' as const, threshold: 0.8 }
  const evaluation = {
    suites: {},
    gates: [{ ...gate, value: 0.5, passed: false }],
    gatesPassed: false,
    score: 0.5,
  }
  const story = createStory().look().succeeds(1, 'prepare').succeeds(1, 'train')
  story.succeeds(1, 'evaluate', { evaluation })
  await t.test('one that does not hold fails the run and publishes nothing', async t => {
    t.match(story.run, { phase: 'Failed', reason: 'GatesNotPassed' })
    t.equal(story.condition('GatesPassed')?.status, 'False')
    t.match(story.run?.message, 'held-out/exactMatch atLeast 0.8, measured 0.5')
    t.equal(story.manifest('home-1-publish'), undefined)
  })
  await t.test('nor does a later run with the same inputs', async t => {
    story.edit({ output: { uri: 'pvc://models/elsewhere' } }).look()
    t.match(story.run, { number: 2, phase: 'Failed', reason: 'GatesNotPassed' })
    t.equal(story.manifest('home-2-publish'), undefined)
  })
})

t.test('a spec that cannot work fails before anything is made', async t => {
  const story = createStory({ model: { source: { uri: 'file:///model' } } }).look()
  t.match(story.run, { phase: 'Failed', reason: 'InvalidSpec', message: /spec.model.source.uri/ })
  t.strictSame(story.made, [])
  await t.test('and a corrected one runs', async t => {
    story.edit({ model: { source: { uri: 'hf://owner/model' } } }).look()
    t.equal(story.status.phase, 'Preparing')
    t.equal(story.status.run, 2)
    t.equal(story.condition('Stalled'), undefined)
  })
})

t.test('a retry', async t => {
  const story = createStory().look().succeeds(1, 'prepare').succeeds(1, 'train')
  story.runs(1, 'evaluate')
  t.equal(story.run?.stages[2]?.attempts, 1)
  const oom = ended(137, undefined, { reason: 'OOMKilled' })
  const first = aPod(1, 'evaluate', oom)
  await t.test('is announced while Kubernetes waits to try again', async t => {
    story.pods(first).look()
    t.equal(story.status.phase, 'Evaluating')
    t.match(story.condition('Reconciling'), { status: 'True', reason: 'Retrying' })
  })
  await t.test('is counted, with an Event that says why', async t => {
    const next = { name: 'home-1-evaluate-zzzzz', createdAt: at(60) }
    story.pods(aPod(1, 'evaluate', { runningSince: at(61) }, next)).look()
    t.equal(story.run?.stages[2]?.attempts, 2)
    t.equal(story.run?.stages[2]?.pod, 'home-1-evaluate-zzzzz')
    t.strictSame(story.reasons().slice(-2), ['OutOfMemory', 'Retrying'])
    t.match(story.condition('Reconciling'), { reason: 'Evaluating' })
  })
  await t.test('is announced once', async t => {
    const before = story.events.length
    story.look()
    t.equal(story.events.length, before)
  })
})

t.test('a Job whose pods are gone before their result was read runs again', async t => {
  const story = createStory({ retry: { limit: 0 } })
    .look()
    .runs(1, 'prepare')
  const justNow = { ...COMPLETE, lastTransitionTime: at(0) }
  story.noPods().jobEnds(1, 'prepare', justNow).look()
  t.equal(story.removed.length, 0, 'its pod may be known a moment later')
  t.ok(story.requeueAfterMs)
  story.wait(30).look()
  t.match(story.run, { phase: 'Failed', reason: 'RetriesExhausted' }, 'unless no retry is left')

  const other = createStory().look().runs(1, 'prepare').noPods().jobEnds(1, 'prepare').look()
  t.strictSame(other.removed, ['Job home-1-prepare'])
  t.equal(other.made.filter(({ name }) => name === 'home-1-prepare').length, 2)
  t.equal(other.status.phase, 'Preparing')
})

t.test('a cache of pods that is behind that of Jobs is waited for', async t => {
  const story = createStory().look().runs(1, 'prepare').jobEnds(1, 'prepare').look()
  t.equal(story.status.phase, 'Preparing')
  story.succeeds(1, 'prepare')
  t.equal(story.status.phase, 'Training')
})

t.test('a Job without a pod says so after a while', async t => {
  const story = createStory().look()
  const withAge = () => ({
    stageJobs: story.observed.stageJobs.map(job => ({
      ...job,
      metadata: { ...job.metadata, creationTimestamp: at(0) },
    })),
  })
  story.happens(withAge).look()
  t.equal(story.requeueAfterMs, 30_000)
  t.match(story.condition('Reconciling'), { reason: 'Preparing' })
  story.wait(30).look()
  t.match(story.condition('Reconciling'), { reason: 'Waiting', message: /home-1-prepare/ })
  story.runs(1, 'prepare')
  t.match(story.condition('Reconciling'), { reason: 'Preparing' })
})

t.test('a Job that was made before its status could be written is taken over', async t => {
  const story = createStory().look()
  const { status: _, ...job } = story.observed.job
  const pending = createStory().look().observed.job.status?.runs?.[0]
  const stages = pending?.stages.map(stage => ({ name: stage.name, state: 'Pending' as const }))
  const runs = [{ ...pending!, phase: 'Pending' as const, stages: stages ?? [] }]
  const before = story.made.length
  story.happens(() => ({ job: { ...job, status: { observedGeneration: 1, run: 1, runs } } })).look()
  t.equal(story.made.length, before)
  t.equal(story.status.phase, 'Preparing')
})
