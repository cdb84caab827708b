import t from 'tap'
import { EXIT } from '@attune/crds/stage.ts'
import { aWorkload, KUEUE, kueueSays } from '../../../fixtures/operator/a-workload.ts'
import { brokenFluxRules } from '../../../fixtures/operator/flux-rules.ts'
import { createStory, type Story } from '../../../fixtures/operator/story.ts'
import { aPod, at, ended, failedBecause } from '../../../fixtures/operator/tuning-job.ts'

const QUEUE = { queueName: 'team-a', priorityClassName: 'high' }
const HELD = { held: true }
const FREE = { held: false }

const jobOf = (story: Story, name: string) =>
  story.manifest(name) as {
    readonly metadata: { readonly labels: object; readonly annotations?: object }
    readonly spec: { readonly suspend?: boolean }
  }

/** The Train stage runs in its queue. */
const training = () => {
  const story = createStory(QUEUE).look()
  story.happens(kueueSays(1, 'prepare', KUEUE.admitted, FREE)).look()
  story.succeeds(1, 'prepare')
  story.happens(kueueSays(1, 'train', KUEUE.admitted, FREE)).look()
  return story.runs(1, 'train')
}

t.test('a Job is made held, with all that Kueue is to know', async t => {
  const story = createStory({ ...QUEUE, retry: { deadlineSeconds: 3600 } }).look()
  const { metadata, spec } = jobOf(story, 'home-1-prepare')
  t.equal(spec.suspend, true)
  t.match(metadata.labels, {
    'kueue.x-k8s.io/queue-name': 'team-a',
    'kueue.x-k8s.io/priority-class': 'high',
    'kueue.x-k8s.io/max-exec-time-seconds': '3600',
  })
  t.notOk(JSON.stringify(metadata).includes('min-parallelism'), 'no partial admission')
})

t.test('without a queue a Job is as it always was', async t => {
  const { metadata, spec } = jobOf(createStory().look(), 'home-1-prepare')
  t.notOk('suspend' in spec)
  t.notOk(metadata.annotations)
  t.notOk(Object.keys(metadata.labels).some(label => label.includes('kueue')))
})

t.test('a stage waits in its queue until Kueue lets it go', async t => {
  const story = createStory(QUEUE).look()
  const check = (phase: string, ...conditions: string[]) => {
    t.equal(story.status.phase, phase)
    t.strictSame(
      story.status.conditions?.map(({ type, status, reason }) => `${type} ${status} ${reason}`),
      conditions,
    )
    t.strictSame(brokenFluxRules(story.observed.job), [])
  }
  const queued = (reason: string) => [
    `QuotaReserved False ${reason}`,
    `Ready False ${reason}`,
    `Reconciling True ${reason}`,
  ]
  check('Queued', ...queued('Queued'))
  story
    .wait(600)
    .happens(kueueSays(1, 'prepare', KUEUE.waits, HELD))
    .look()
  check('Queued', ...queued('WaitingForQuota'))
  story.happens(kueueSays(1, 'prepare', KUEUE.admitted, FREE)).look()
  const running = ['Ready False Preparing', 'Reconciling True Preparing']
  check('Preparing', 'QuotaReserved True Admitted', ...running)
  t.strictSame(story.removed, [])
  t.strictSame(story.reasons(), [
    'Accepted',
    'StageStarted',
    'Queued',
    'WaitingForQuota',
    'Admitted',
  ])
})

t.test('each stage is queued, and nothing is said of a queue once the run has ended', async t => {
  const story = createStory(QUEUE).look()
  for (const stage of ['prepare', 'train', 'evaluate', 'publish'] as const) {
    t.equal(story.status.phase, 'Queued', stage)
    story.happens(kueueSays(1, stage, KUEUE.admitted, FREE)).look()
    story.runs(1, stage).succeeds(1, stage)
  }
  t.equal(story.status.phase, 'Succeeded')
  t.equal(story.condition('QuotaReserved'), undefined)
})

t.test('preempted, the pod saves, the Job stays, and the stage resumes', async t => {
  const story = training()
  const before = story.made.length
  story.happens(kueueSays(1, 'train', KUEUE.preempted, HELD)).look()
  t.equal(story.status.phase, 'Training', 'while the pod is there')
  t.match(story.condition('QuotaReserved'), { status: 'False', reason: 'Preempted' })
  t.match(story.condition('Ready')?.message, /pod home-1-train-abcde saves its checkpoint/)

  story.pods(aPod(1, 'train', ended(EXIT.stopped))).look()
  t.equal(story.status.phase, 'Queued')
  story.noPods().look()
  t.equal(story.status.phase, 'Queued')
  t.equal(story.run?.stages[1]?.state, 'Running')
  t.notOk(story.run?.stages[1]?.pod)

  story
    .wait(3600)
    .happens(kueueSays(1, 'train', KUEUE.admitted, FREE))
    .look()
  t.equal(story.status.phase, 'Training')
  const again = { runningSince: at(3600) }
  story.pods(aPod(1, 'train', again, { name: 'home-1-train-again', createdAt: at(3600) })).look()
  t.equal(story.run?.stages[1]?.attempts, 2)
  t.equal(story.run?.stages[1]?.retries, undefined)
  t.strictSame(story.removed, [], 'no Job is deleted')
  t.equal(story.made.length, before, 'no Job is made')
  t.ok(story.reasons().includes('Preempted'))
  t.ok(story.reasons().includes('Resumed'))
  t.notOk(story.reasons().includes('Retrying'))
})

t.test('a pod that outlives its grace period costs no retry', async t => {
  const killed = ended(137, undefined, { reason: 'Error' })
  const policy = failedBecause('PodFailurePolicy')
  for (const pods of [[aPod(1, 'train', killed)], []]) {
    const story = training()
      .happens(kueueSays(1, 'train', KUEUE.preempted, HELD))
      .look()
    story
      .noPods()
      .pods(...pods)
      .jobEnds(1, 'train', policy, 1)
    story.happens(({ stageJobs }) => ({
      stageJobs: stageJobs.map(job => ({ ...job, spec: { suspend: true } })),
    }))
    story.noPods().look()
    t.strictSame(story.removed, ['Job home-1-train'])
    t.equal(story.status.phase, 'Queued', 'a new Job waits in the queue')
    t.equal(story.run?.stages[1]?.retries, undefined)
  }
})

t.test('suspended by its tenant, a job leaves the queue', async t => {
  const story = createStory(QUEUE).look()
  story.happens(kueueSays(1, 'prepare', KUEUE.waits, HELD)).look()
  story.edit({ suspend: true }).look()
  t.strictSame(story.removed, ['Job home-1-prepare'])
  t.equal(story.status.phase, 'Suspended')
  t.equal(story.condition('QuotaReserved'), undefined)
  story.edit({ suspend: false }).look()
  t.equal(story.status.phase, 'Queued')
})

const EDITS = {
  'another queue': [{ queueName: 'team-b' }, true],
  'no queue any more': [{ queueName: undefined }, true],
  'another priority': [{ priorityClassName: 'low' }, true],
  'smaller requests': [{ resources: { requests: { memory: '1Gi' } } }, true],
  'other nodes': [{ podTemplate: { nodeSelector: { pool: 'b' } } }, true],
  'another history': [{ runHistoryLimit: 9 }, false],
  'a time to live': [{ ttlSecondsAfterFinished: 60 }, false],
} as const

for (const [name, [change, moves]] of Object.entries(EDITS)) {
  t.test(`${name}, while it waits: the Job is ${moves ? 'made anew' : 'kept'}`, async t => {
    const story = createStory(QUEUE).look()
    story.happens(kueueSays(1, 'prepare', KUEUE.waits, HELD)).look()
    story.edit(change as object).look()
    t.strictSame(story.removed, moves ? ['Job home-1-prepare'] : [])
    t.equal(story.status.run, 1, 'no new run')
  })
  t.test(`${name}, while it runs: the Job is kept`, async t => {
    const story = training()
    story.edit(change as object).look()
    t.strictSame(story.removed, [])
    t.equal(story.status.run, 1, 'no new run')
  })
}

t.test('a Job that Kueue queued by itself is not made anew', async t => {
  const story = createStory().look()
  story.happens(kueueSays(1, 'prepare', KUEUE.waits, HELD)).look()
  t.equal(story.status.phase, 'Queued')
  story.edit({ resources: { requests: { memory: '1Gi' } } }).look()
  t.strictSame(story.removed, [])
})

t.test('a Workload that was admitted too long ends the run, and its Job goes', async t => {
  const over = {
    type: 'Evicted',
    status: 'True',
    reason: 'DeactivatedDueToMaximumExecutionTimeExceeded',
    message: 'The workload is deactivated due to exceeding the maximum execution time',
  }
  const story = training()
  const gaveUp = kueueSays(1, 'train', [over], { held: true, active: false })
  story.happens(gaveUp).look()
  t.equal(story.status.phase, 'Training', 'the pod still saves')
  story.pods(aPod(1, 'train', ended(EXIT.stopped))).look()
  t.equal(story.status.phase, 'Failed')
  t.equal(story.run?.reason, 'DeadlineExceeded')
  t.strictSame(story.removed, ['Job home-1-train'])
})

t.test('a Workload that somebody deactivates is waited for', async t => {
  const off = { type: 'Evicted', status: 'True', reason: 'Deactivated', message: 'deactivated' }
  const story = training().noPods()
  story.happens(kueueSays(1, 'train', [off], { held: true, active: false })).look()
  t.equal(story.status.phase, 'Queued')
  t.equal(story.condition('Ready')?.reason, 'Deactivated')
  t.equal(story.condition('Stalled'), undefined)
})

t.test('what Kueue cannot start stalls until the spec changes', async t => {
  const story = createStory({ ...QUEUE, podTemplate: { nodeSelector: { pool: 'a' } } }).look()
  const message = 'conflict for node selector'
  const refused = { type: 'Finished', status: 'True', reason: 'FailedToStart', message }
  story.happens(kueueSays(1, 'prepare', [refused], HELD)).look()
  t.match(story.condition('Stalled'), { status: 'True', reason: 'FailedToStart' })
  t.strictSame(brokenFluxRules(story.observed.job), [])
  story.happens(() => ({ workloads: [] }))
  story.edit({ podTemplate: {} }).look()
  t.strictSame(story.removed, ['Job home-1-prepare'])
  t.equal(story.condition('Stalled'), undefined)
})

t.test('a Workload that goes with its Job says nothing of the next', async t => {
  const story = createStory(QUEUE).look()
  story.happens(() => ({ workloads: [aWorkload(2, 'prepare', KUEUE.admitted)] })).look()
  t.match(story.condition('QuotaReserved'), { reason: 'Queued' })
})
