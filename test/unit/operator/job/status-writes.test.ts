import t from 'tap'
import { decide } from '../../../../operator/src/job/decide.ts'
import type { Observed } from '../../../../operator/src/job/situation.ts'
import { createStory } from '../../../fixtures/operator/story.ts'
import {
  aPod,
  aResult,
  aStageJob,
  at,
  COMPLETE,
  CONFIG,
  ended,
  NOW,
} from '../../../fixtures/operator/tuning-job.ts'

const HOLD_MS = 4_000
const look = (observed: Observed, holdMs = HOLD_MS) => decide({ ...observed, holdMs }, NOW, CONFIG)
const started = () => createStory().look()
const running = (name?: string) =>
  aPod(1, 'prepare', { runningSince: at(0) }, name === undefined ? {} : { name })

t.test('the name of the first pod of a stage is held back', async t => {
  const { observed } = started().pods(running())
  const decision = look(observed)
  t.equal(decision.status, undefined)
  t.equal(decision.requeueAfterMs, HOLD_MS)
  t.ok(look(observed, 0).status, 'and written when its time has come')
})

t.test('another attempt is counted at once', async t => {
  const story = started().runs(1, 'prepare').noPods().pods(running('another'))
  const { status, events } = look(story.observed)
  t.equal(status?.runs?.[0]?.stages[0]?.attempts, 2)
  t.strictSame(
    events.map(({ reason }) => reason),
    ['Retrying'],
  )
})

t.test('the end of a stage and the start of the next are one write, at once', async t => {
  const story = started().runs(1, 'prepare')
  const { observed } = story.pods(aPod(1, 'prepare', ended(0, aResult('prepare')))).happens(() => ({
    stageJobs: [{ ...aStageJob(1, 'prepare'), status: { conditions: [COMPLETE] } }],
  }))
  const { status, apply, events, unmade } = look(observed)
  t.equal(status?.phase, 'Training')
  t.strictSame(
    status?.runs?.[0]?.stages.map(({ state }) => state),
    ['Succeeded', 'Running', 'Pending', 'Pending'],
  )
  t.strictSame(
    apply.map(({ kind }) => kind),
    ['Job'],
  )
  t.strictSame(
    events.map(({ reason }) => reason),
    ['StageFinished', 'StageStarted'],
  )
  await t.test('of which the end stands where the Job is refused', async t => {
    t.equal(unmade?.status.phase, 'Preparing')
    t.equal(unmade?.status.runs?.[0]?.stages[0]?.state, 'Succeeded')
    t.equal(unmade?.status.runs?.[0]?.stages[1]?.state, 'Pending')
    t.strictSame(
      unmade?.events.map(({ reason }) => reason),
      ['StageFinished'],
    )
  })
})

t.test('what a pod that is being removed has used is written at once', async t => {
  const pod = running()
  const deleted = { ...pod, metadata: { ...pod.metadata, deletionTimestamp: at(1) } }
  t.ok(look(started().pods(deleted).observed).status)
})
