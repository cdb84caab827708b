import t from 'tap'
import { brokenFluxRules } from '../../../fixtures/operator/flux-rules.ts'
import { createStory, type Story } from '../../../fixtures/operator/story.ts'
import { aPod, at, CLAIM, ended } from '../../../fixtures/operator/tuning-job.ts'

const succeed = (story: Story, run: number) => {
  for (const stage of ['prepare', 'train', 'evaluate', 'publish'] as const)
    story.succeeds(run, stage)
  return story
}
const states = (story: Story) => story.run?.stages.map(({ state }) => state)
t.test('what a change of the spec repeats', async t => {
  const changes = {
    'a learning rate': [{ training: { learningRate: 0.5 } }, ['Skipped', 'Running']],
    'a sequence length': [{ training: { sequenceLength: 256 } }, ['Running', 'Pending']],
    'a gate': [
      { evaluation: { gates: [{ metric: 'held-out/exactMatch', atLeast: 0.5 }] } },
      ['Skipped', 'Skipped', 'Running'],
    ],
    'an output': [
      { output: { uri: 'pvc://models/other' } },
      ['Skipped', 'Skipped', 'Skipped', 'Running'],
    ],
  } as const
  for (const [name, [change, expected]] of Object.entries(changes)) {
    const story = succeed(createStory().look(), 1)
    story.edit(structuredClone(change) as never).look()
    t.equal(story.status.run, 2, name)
    t.strictSame(states(story)?.slice(0, expected.length), expected, name)
  }
})

t.test('what a change of the spec does not repeat', async t => {
  for (const change of [
    { retry: { limit: 7 } },
    { suspend: true },
    { ttlSecondsAfterFinished: 10 },
    { podTemplate: { nodeSelector: { zone: 'a' } } },
    { resources: { requests: { cpu: '3' } } },
  ]) {
    const story = succeed(createStory().look(), 1)
    story.edit(change).look()
    const name = JSON.stringify(change)
    t.equal(story.status.run, 1, name)
    t.equal(story.status.phase, 'Succeeded', name)
    t.equal(story.status.observedGeneration, 2, name)
    t.strictSame(brokenFluxRules(story.observed.job), [], name)
  }
})

t.test('a default that a new schema adds starts no run', async t => {
  const story = succeed(createStory().look(), 1)
  const { job } = story.observed
  const spec = { ...job.spec!, method: { ...job.spec!.method, added: true } as never }
  story.happens(() => ({ job: { ...job, spec } })).look()
  t.equal(story.status.run, 1)
})

t.test('the figures of a skipped stage are those of the run that made it', async t => {
  const story = succeed(createStory().look(), 1)
  story.edit({ output: { uri: 'pvc://models/other' } }).look()
  t.equal(story.status.dataset?.trainExamples, 540)
  t.equal(story.status.training?.loss, 0.25)
  t.equal(story.status.evaluation?.score, 0.9)
  t.equal(story.run?.score, 0.9)
  t.equal(story.status.artifacts, undefined)
})

t.test('a change while a stage runs', async t => {
  const story = createStory().look().succeeds(1, 'prepare').runs(1, 'train')
  story.edit({ training: { seed: 7 } }).look()
  await t.test('deletes its Job and waits for its pod', async t => {
    t.strictSame(story.removed, ['Job home-1-train'])
    t.match(story.status.runs?.[0], { phase: 'Superseded', stages: [{}, { state: 'Stopped' }] })
    t.equal(story.manifest('home-2-train'), undefined)
    t.match(story.condition('Reconciling'), { reason: 'Waiting', message: /home-1-train-abcde/ })
  })
  await t.test('goes on when the pod is gone', async t => {
    story.noPods().look()
    t.ok(story.manifest('home-2-train'))
    t.strictSame(states(story), ['Skipped', 'Running', 'Pending', 'Pending'])
    t.ok(story.reasons().includes('Superseded'))
    t.ok(story.reasons().includes('RunStarted'))
  })
})

t.test('a Job of an earlier run that the cache shows late is deleted', async t => {
  const story = createStory().look().succeeds(1, 'prepare')
  const late = story.observed.stageJobs
  story
    .happens(() => ({ stageJobs: [] }))
    .edit({ training: { seed: 7 } })
    .look()
  story.happens(({ stageJobs }) => ({ stageJobs: [...stageJobs, ...late] })).look()
  t.ok(story.removed.includes('Job home-1-train'))
  t.notOk(story.removed.includes('Job home-1-prepare'), 'what has ended stays, for its logs')
})

t.test('history', async t => {
  const story = succeed(createStory({ runHistoryLimit: 2 }).look(), 1)
  for (const run of [2, 3]) succeed(story.edit({ training: { seed: run } }).look(), run)
  t.strictSame(
    story.status.runs?.map(({ number }) => number),
    [2, 3],
  )
  t.ok(story.removed.includes('ConfigMap home-1'))
  t.ok(story.removed.includes('Job home-1-train'))
  await t.test('numbers go on', async t => {
    story.edit({ training: { seed: 1 }, runHistoryLimit: 1 }).look()
    t.equal(story.status.run, 4)
    t.strictSame(
      story.status.runs?.map(({ number }) => number),
      [3, 4],
      'with the one before, until it has ended',
    )
  })
})

t.test('suspend', async t => {
  const story = createStory().look().succeeds(1, 'prepare').runs(1, 'train')
  story.edit({ suspend: true }).look()
  await t.test('deletes the Job and is not done while its pod saves', async t => {
    t.strictSame(story.removed, ['Job home-1-train'])
    t.equal(story.status.phase, 'Training')
    t.match(story.condition('Reconciling'), { reason: 'Stopping', message: /home-1-train-abcde/ })
  })
  await t.test('is done when the pod has ended, even if its object is still there', async t => {
    story.pods(aPod(1, 'train', ended(75))).look()
    t.equal(story.status.phase, 'Suspended')
    t.equal(story.condition('Suspended')?.status, 'True')
    t.equal(story.condition('Reconciling'), undefined)
    t.match(story.condition('Ready'), { status: 'False', reason: 'Suspended' })
    t.strictSame(brokenFluxRules(story.observed.job), [])
  })
  await t.test('says so once', async t => {
    story.wait(100).look()
    t.equal(story.reasons().filter(reason => reason === 'Suspended').length, 1)
  })
  await t.test('ends: the same stage runs in a new Job', async t => {
    story.noPods().edit({ suspend: false }).look()
    t.equal(story.status.phase, 'Training')
    t.equal(story.made.filter(({ name }) => name === 'home-1-train').length, 2)
    t.equal(story.reasons().at(-1), 'Resumed')
    t.equal(story.condition('Suspended'), undefined)
  })
  await t.test('a result that was there before counts', async t => {
    const other = createStory().look().runs(1, 'prepare')
    other.pods(aPod(1, 'prepare', ended(0, { ...prepared }))).jobEnds(1, 'prepare')
    other.edit({ suspend: true }).look()
    t.equal(other.run?.stages[0]?.state, 'Succeeded')
    t.equal(other.status.phase, 'Suspended')
  })
  await t.test('with a change of the spec is a new run that waits', async t => {
    story.edit({ suspend: true, training: { seed: 3 } }).look()
    t.equal(story.status.run, 2)
    t.equal(story.status.phase, 'Suspended')
  })
})

const prepared = {
  stage: 'prepare',
  outcome: 'Succeeded',
  key: 'k',
  digest: 'd',
  seconds: 1,
} as const

t.test('a resumed stage gets the time to save that was measured', async t => {
  const story = createStory().look().succeeds(1, 'prepare').runs(1, 'train')
  const training = { step: 1, totalSteps: 40, microBatchSeconds: 100 }
  const progress = { stage: 'train', activity: 'training', fraction: 0.1, training } as const
  story.happens(() => ({ progress: { 'home-1-train-abcde': progress } })).look()
  t.equal(story.status.training?.microBatchSeconds, 100)
  story.edit({ suspend: true }).look().noPods().edit({ suspend: false }).look()
  t.match(story.manifest('home-1-train'), {
    spec: { template: { spec: { terminationGracePeriodSeconds: 230 } } },
  })
})

t.test('a workspace that is lost', async t => {
  const story = createStory().look().succeeds(1, 'prepare').runs(1, 'train').look()
  t.equal(story.run?.workspace, CLAIM.metadata.uid)
  const another = { ...CLAIM, metadata: { ...CLAIM.metadata, uid: 'another' } }
  story.noPods().happens(() => ({ claim: another }))
  story.look()
  t.strictSame(story.removed.toSorted(), ['Job home-1-prepare', 'Job home-1-train'])
  t.strictSame(states(story), ['Running', 'Pending', 'Pending', 'Pending'])
  t.equal(story.run?.workspace, 'another')
  t.ok(story.reasons().includes('WorkspaceLost'))
})

t.test('time to live', async t => {
  const story = succeed(createStory({ ttlSecondsAfterFinished: 60 }).look(), 1)
  t.strictSame(story.removed, [])
  t.equal(story.requeueAfterMs, 60_000)
  const { status } = story
  story.wait(60).look()
  t.strictSame(story.removed.toSorted(), [
    'Job home-1-evaluate',
    'Job home-1-prepare',
    'Job home-1-publish',
    'Job home-1-train',
    'PersistentVolumeClaim home-workspace',
  ])
  t.strictSame(story.status, status, 'status stays as it is')
  t.strictSame(
    story.observed.configMaps.map(({ metadata }) => metadata.name),
    ['home-1'],
    'and so does the spec of the run',
  )
  await t.test('afterwards nothing can be skipped', async t => {
    story.edit({ ttlSecondsAfterFinished: 60, output: { uri: 'pvc://models/other' } }).look()
    t.strictSame(states(story), ['Running', 'Pending', 'Pending', 'Pending'])
  })
})

t.test('progress', async t => {
  const story = createStory().look().succeeds(1, 'prepare').runs(1, 'train')
  const training = { step: 3, totalSteps: 40, epoch: 0.1, loss: 1.23456789, tokensPerSecond: 400 }
  const progress = { stage: 'train', activity: 'training', fraction: 0.1, training } as const
  story.happens(() => ({ progress: { 'home-1-train-abcde': progress } })).look()
  t.match(story.status.training, { progress: '3/40', loss: 1.23457, tokensPerSecond: 400 })
  await t.test('of another pod counts for nothing', async t => {
    story.happens(() => ({
      progress: { other: { ...progress, training: { ...training, step: 9 } } },
    }))
    story.look()
    t.equal(story.status.training?.step, 3)
  })
})

t.test('accelerator time', async t => {
  const spec = { resources: { accelerator: { count: 2 } } }
  const story = createStory(spec).look().succeeds(1, 'prepare').runs(1, 'train', 2)
  t.equal(story.status.acceleratorSeconds, 0)
  t.equal(story.requeueAfterMs, 60_000, 'a pod that says nothing is counted, too')
  story.wait(59).look()
  t.equal(story.status.acceleratorSeconds, 0, 'alone is no reason to write within a minute')
  story.wait(1).look()
  t.equal(story.status.acceleratorSeconds, 120)
  story.wait(60).look()
  t.equal(story.status.acceleratorSeconds, 240)
  const end = ended(75, undefined, { startedAt: at(0), finishedAt: at(125) })
  story
    .pods(aPod(1, 'train', end, { devices: 2 }))
    .wait(1000)
    .look()
  t.equal(story.status.acceleratorSeconds, 250, 'and ends with the pod')
  t.not(story.requeueAfterMs, 60_000)
})
