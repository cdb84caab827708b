import t from 'tap'
import {
  type Killed,
  type Retry,
  retryAfterKill,
} from '../../../../operator/src/job/retry-after-kill.ts'
import { brokenFluxRules } from '../../../fixtures/operator/flux-rules.ts'
import { createStory, type Story } from '../../../fixtures/operator/story.ts'
import {
  aPod,
  aResult,
  aStageJob,
  at,
  ended,
  failedBecause,
} from '../../../fixtures/operator/tuning-job.ts'

const POLICY = failedBecause('PodFailurePolicy')
const { terminated: OOM } = ended(137, undefined, { reason: 'OOMKilled' })
const SAID = 'memory of the accelerator or of the pod ran out (CUDA failure 2: out of memory)'
/** The accelerator's memory ran out: the process could still say so. */
const allocationFailed = ended(
  79,
  aResult('train', { outcome: 'Failed', reason: 'OutOfMemory', message: SAID }),
)
const { terminated: KILL } = ended(137, undefined, { reason: 'Error' })

/** The Job that failed, by its place among those of its stage. */
const job = (retries = 0, failed = 1, condition = POLICY) => {
  const { metadata, ...rest } = aStageJob(1, 'train')
  const annotations = { 'attune.dev/retries': String(retries) }
  return {
    ...rest,
    metadata: { ...metadata, annotations },
    status: { conditions: [condition], failed },
  }
}
const train = (retries?: number, memoryKills?: number) => ({
  name: 'train' as const,
  ...(retries === undefined ? {} : { retries }),
  ...(memoryKills === undefined ? {} : { memoryKills }),
})

type Row = readonly [Partial<Killed>, Retry | undefined]
const table: Readonly<Record<string, Row>> = {
  'a kill for memory halves the micro-batch': [{}, { retries: 1, memoryKills: 1 }],
  'so does an allocation that failed': [
    { end: allocationFailed.terminated },
    { retries: 1, memoryKills: 1 },
  ],
  'also where its result cannot be read': [
    { end: ended(79).terminated },
    { retries: 1, memoryKills: 1 },
  ],
  'the next one halves it again': [
    { stage: train(1, 1), job: job(1) },
    { retries: 2, memoryKills: 2 },
  ],
  'a kill for another reason is a retry with the same': [
    { end: KILL },
    { retries: 1, memoryKills: 0 },
  ],
  'and keeps what was halved before': [
    { end: KILL, stage: train(1, 1), job: job(1) },
    { retries: 2, memoryKills: 1 },
  ],
  'retries of the same Job count too': [{ job: job(0, 3) }, { retries: 3, memoryKills: 1 }],
  'a Job that does not count is one failure': [{ job: job(0, 0) }, { retries: 1, memoryKills: 1 }],
  'the last that retry.limit allows': [
    { stage: train(2, 2), job: job(2) },
    { retries: 3, memoryKills: 3 },
  ],
  'more than retry.limit': [{ stage: train(3, 3), job: job(3) }, undefined],
  'no retry allowed': [{ limit: 0 }, undefined],
  'another exit code': [{ end: ended(1).terminated }, undefined],
  'an exit code of its own choice': [{ end: ended(75).terminated }, undefined],
  'no pod that says how it ended': [{ end: undefined }, undefined],
  'a Job that ran too long': [{ job: job(0, 1, failedBecause('DeadlineExceeded')) }, undefined],
  'another stage': [{ stage: { name: 'evaluate' } }, undefined],
}

t.test('what follows a kill', t => {
  for (const [name, [change, expected]] of Object.entries(table))
    t.strictSame(
      retryAfterKill({ stage: train(), job: job(), end: OOM, limit: 3, ...change }),
      expected,
      name,
    )
  t.end()
})

const kill = (
  story: Story,
  attempt: number,
  reason = 'OOMKilled',
  end = ended(137, undefined, { reason }),
) => {
  const change = { name: `home-1-train-${attempt}`, createdAt: at(attempt) }
  return story
    .pods(aPod(1, 'train', { runningSince: at(attempt) }, change))
    .look()
    .pods(aPod(1, 'train', end, change))
    .jobEnds(1, 'train', POLICY, 1)
}
const argsOf = (story: Story) => JSON.stringify(story.manifest('home-1-train'))

t.test('a Train pod that is killed for memory', async t => {
  const story = createStory({ retry: { limit: 2 } })
    .look()
    .succeeds(1, 'prepare')
  t.notMatch(argsOf(story), /halvings/)
  await t.test('is followed by a Job with half the micro-batch', async t => {
    kill(story, 1).look()
    t.equal(story.status.phase, 'Training')
    t.match(story.run?.stages[1], { state: 'Running', retries: 1, memoryKills: 1, attempts: 1 })
    t.strictSame(story.removed, ['Job home-1-train'])
    t.match(argsOf(story), /"--micro-batch-halvings","1"/)
    t.match(argsOf(story), /"backoffLimit":1/)
    t.strictSame(story.reasons().slice(-3), ['OutOfMemory', 'MicroBatchHalved', 'Retrying'])
    t.strictSame(brokenFluxRules(story.observed.job), [])
  })
  await t.test('and so on', async t => {
    const before = story.events.length
    kill(story, 2).look()
    t.match(story.run?.stages[1], { retries: 2, memoryKills: 2, attempts: 2 })
    t.match(argsOf(story), /"--micro-batch-halvings","2"/)
    t.match(argsOf(story), /"backoffLimit":0/)
    t.strictSame(
      story.reasons().slice(before),
      ['OutOfMemory', 'MicroBatchHalved', 'Retrying'],
      'each is told once',
    )
  })
  await t.test('until retry.limit is used up', async t => {
    kill(story, 3).look()
    t.match(story.run, {
      phase: 'Failed',
      reason: 'OutOfMemory',
      message: /resources.limits.memory.*retry.limit is used up/,
    })
    t.strictSame(brokenFluxRules(story.observed.job), [])
  })
})

t.test('a Train pod whose accelerator has no memory left', async t => {
  const story = createStory({ retry: { limit: 1 } })
    .look()
    .succeeds(1, 'prepare')
  const fails = (attempt: number) => kill(story, attempt, '', allocationFailed).look()
  await t.test('is followed by a Job with half the micro-batch', async t => {
    const before = story.events.length
    fails(1)
    t.match(story.run?.stages[1], { state: 'Running', retries: 1, memoryKills: 1 })
    t.match(argsOf(story), /"--micro-batch-halvings","1"/)
    t.strictSame(
      story
        .reasons()
        .slice(before)
        .filter(reason => reason !== 'StageStarted'),
      ['OutOfMemory', 'MicroBatchHalved', 'Retrying'],
    )
    t.ok(
      story.events.some(({ reason, message }) => reason === 'OutOfMemory' && message === SAID),
      'in the words of the stage',
    )
  })
  await t.test('until retry.limit is used up', async t => {
    fails(2)
    t.match(story.run, { phase: 'Failed', reason: 'OutOfMemory' })
    t.equal(story.run?.message, `${SAID} (retry.limit is used up)`)
    t.strictSame(brokenFluxRules(story.observed.job), [])
  })
})

t.test('a kill is written down before its Job is removed', async t => {
  const story = createStory().look().succeeds(1, 'prepare')
  const { removed } = story
  kill(story, 1).once()
  t.equal(story.run?.stages[1]?.memoryKills, 1)
  t.strictSame(removed, [])
  t.match(story.condition('Reconciling'), { reason: 'Retrying', message: /killed for memory/ })
  story.once()
  t.strictSame(removed, ['Job home-1-train'])
  t.equal(story.run?.stages[1]?.memoryKills, 1, 'and counted once')
})

t.test('suspended after a kill, it goes on with half the micro-batch', async t => {
  const story = createStory().look().succeeds(1, 'prepare')
  kill(story, 1).edit({ suspend: true }).look()
  t.equal(story.status.phase, 'Suspended')
  story.edit({ suspend: false }).look()
  t.equal(story.status.phase, 'Training')
  t.match(argsOf(story), /"--micro-batch-halvings","1"/)
})

t.test('killed for no want of memory, it is tried again as it was', async t => {
  const story = createStory({ retry: { limit: 1 } })
    .look()
    .succeeds(1, 'prepare')
  kill(story, 1, 'Error').look()
  t.match(story.run?.stages[1], { state: 'Running', retries: 1, memoryKills: 0 })
  t.notMatch(argsOf(story), /halvings/)
  t.equal(story.reasons().at(-1), 'Retrying')
  kill(story, 2, 'Error').look()
  t.match(story.run, { phase: 'Failed', reason: 'RetriesExhausted', message: /exit code 137/ })
})

t.test('a cache of pods that is behind that of Jobs is waited for', async t => {
  const story = createStory().look().succeeds(1, 'prepare').runs(1, 'train')
  story.jobEnds(1, 'train', POLICY, 1).look()
  t.equal(story.status.phase, 'Training')
  story.pods(aPod(1, 'train', { terminated: OOM })).look()
  t.equal(story.run?.stages[1]?.memoryKills, 1)
})

t.test('a Job that a pod ended which is gone is made again', async t => {
  const story = createStory().look().succeeds(1, 'prepare').runs(1, 'train')
  story.noPods().jobEnds(1, 'train', POLICY, 1).look()
  t.equal(story.status.phase, 'Training')
  t.strictSame(story.removed, ['Job home-1-train'])
})
