import t from 'tap'
import { decide } from '../../../../operator/src/job/decide.ts'
import { brokenFluxRules } from '../../../fixtures/operator/flux-rules.ts'
import { createStory } from '../../../fixtures/operator/story.ts'
import { aJob, CONFIG, NOW, observedOf } from '../../../fixtures/operator/tuning-job.ts'

const STAGES = ['prepare', 'train', 'evaluate', 'publish'] as const

t.test('a job goes through its stages, one Job at a time', async t => {
  const story = createStory().look()
  t.equal(story.status.phase, 'Preparing')
  t.strictSame(
    story.made.map(({ kind, name }) => `${kind} ${name}`),
    ['PersistentVolumeClaim home-workspace', 'ConfigMap home-1', 'Job home-1-prepare'],
  )
  story.runs(1, 'prepare').succeeds(1, 'prepare')
  t.equal(story.status.phase, 'Training')
  t.equal(story.status.dataset?.trainExamples, 540)
  t.equal(story.condition('DatasetReady')?.status, 'True')
  story.runs(1, 'train').succeeds(1, 'train')
  t.equal(story.status.phase, 'Evaluating')
  t.equal(story.status.training?.progress, '40/40')
  story.runs(1, 'evaluate').succeeds(1, 'evaluate')
  t.equal(story.status.phase, 'Publishing')
  t.equal(story.condition('GatesPassed')?.status, 'True')
  story.runs(1, 'publish').succeeds(1, 'publish')
  t.equal(story.status.phase, 'Succeeded')
  t.equal(story.status.runs?.[0]?.score, 0.9)
  t.equal(story.status.artifacts?.[0]?.format, 'Adapter')
  t.strictSame(
    story.status.conditions?.map(({ type, status }) => `${type} ${status}`),
    ['Complete True', 'DatasetReady True', 'Finished True', 'GatesPassed True', 'Ready True'],
  )
  t.strictSame(
    story.made.filter(({ kind }) => kind === 'Job').map(({ name }) => name),
    STAGES.map(stage => `home-1-${stage}`),
  )
  t.strictSame(story.removed, [])
  t.strictSame(story.reasons(), [
    'Accepted',
    ...STAGES.flatMap(() => ['StageStarted', 'StageFinished']),
    'Succeeded',
  ])
})

t.test('every status on the way keeps the rules of Flux', async t => {
  const story = createStory().look()
  const check = (name: string) => t.strictSame(brokenFluxRules(story.observed.job), [], name)
  check('accepted')
  for (const stage of STAGES) {
    story.runs(1, stage)
    check(`${stage} runs`)
    story.succeeds(1, stage)
    check(`${stage} ended`)
  }
})

t.test('a finished job asks for nothing, whatever the time', async t => {
  const story = createStory().look()
  for (const stage of STAGES) story.succeeds(1, stage)
  const decision = decide(story.observed, NOW + 1e9, CONFIG)
  t.strictSame(decision, { apply: [], remove: [], events: [] })
})

t.test('looking twice at the same things asks for the same', async t => {
  const observed = createStory().look().observed
  const first = decide({ ...observed, stageJobs: [] }, NOW, CONFIG)
  const second = decide({ ...observed, stageJobs: [] }, NOW, CONFIG)
  t.strictSame(first, second)
  t.equal(first.apply.length, 1, 'a Job that somebody deleted is made again')
  t.strictSame(first.events, [])
})

t.test('a job that is being deleted is left to the garbage collector', async t => {
  const job = aJob()
  const deleted = {
    ...job,
    metadata: { ...job.metadata, deletionTimestamp: '2025-01-01T00:00:00Z' },
  }
  t.strictSame(decide(observedOf(deleted), NOW, CONFIG), { apply: [], remove: [], events: [] })
})

t.test('the status that defaults made is no status of ours', async t => {
  const { status, events } = decide(observedOf(aJob()), NOW, CONFIG)
  t.equal(status?.phase, 'Pending')
  t.equal(status?.observedGeneration, 1)
  t.match(
    status?.conditions,
    [
      { type: 'Ready', status: 'Unknown', reason: 'Accepted', observedGeneration: 1 },
      { type: 'Reconciling', status: 'True', reason: 'Accepted' },
    ]
      .toReversed()
      .toSorted((a, b) => (a.type < b.type ? -1 : 1)),
  )
  t.strictSame(
    events.map(({ reason }) => reason),
    ['Accepted'],
  )
})
