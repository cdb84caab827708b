import t from 'tap'
import type { Pod } from '../../../../operator/src/job/kinds.ts'
import { lostNode } from '../../../../operator/src/job/lost-node.ts'
import { createStory } from '../../../fixtures/operator/story.ts'
import { aPod, at, ended, failedBecause, NOW } from '../../../fixtures/operator/tuning-job.ts'

/** The taint eviction has told it to end by then, and its kubelet is gone. */
const stuck = (by: number, pod: Pod = aPod(1, 'prepare', { runningSince: at(0) })): Pod => ({
  ...pod,
  metadata: { ...pod.metadata, deletionTimestamp: at(by) },
  spec: { containers: [], ...pod.spec, nodeName: 'gpu-7' },
  status: {
    ...pod.status,
    conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'DeletionByTaintManager' }],
  },
})
const { nodeName: _, ...withoutNode } = { ...stuck(0).spec, containers: [] }

const CASES: Readonly<Record<string, readonly [pods: readonly Pod[], found: object | undefined]>> =
  {
    'a pod that runs': [[aPod(1, 'prepare', { runningSince: at(0) })], undefined],
    'one that has ended': [[stuck(0, aPod(1, 'prepare', ended(143)))], undefined],
    'one without a node': [[{ ...stuck(0), spec: withoutNode }], undefined],
    'one within its grace period': [[stuck(130)], { requeueAfterMs: 90_000 }],
    'one that should have ended just now': [[stuck(60)], { requeueAfterMs: 20_000 }],
    'one that is silent for a minute': [[stuck(40)], { obstacle: { reason: 'NodeNotResponding' } }],
    'the oldest of two': [
      [stuck(60, aPod(1, 'prepare', undefined, { name: 'home-1-prepare-later' })), stuck(30)],
      { obstacle: { message: /^pod home-1-prepare-abcde should/ } },
    ],
  }
for (const [name, [pods, found]] of Object.entries(CASES))
  t.test(name, async t => {
    const seen = lostNode(pods, NOW + 100_000)
    if (found) t.match(seen, found)
    else t.equal(seen, undefined)
  })

const SAYS =
  /pod home-1-prepare-abcde should have ended by 2.*Z, and node gpu-7 does not say that it has.*deletes the Node gpu-7 or gives it the taint node\.kubernetes\.io\/out-of-service; the work then goes on from the checkpoint/
const LOST = { reason: 'NodeNotResponding', message: SAYS }

t.test('a stage whose node is silent says so when the minute is over', async t => {
  const story = createStory().look().runs(1, 'prepare')
  story.pods(stuck(30)).wait(40).look()
  t.match(story.condition('Reconciling'), { reason: 'Retrying', message: /its work goes on/ })
  t.equal(story.requeueAfterMs, 50_000)
  story.wait(50).look()
  t.match(story.condition('Reconciling'), { status: 'True', ...LOST })
  t.match(story.condition('Ready'), { status: 'False', ...LOST })
  t.equal(story.status.phase, 'Preparing')

  await t.test('by one Event', async t => {
    story.wait(600).look()
    t.match(
      story.events.filter(({ reason }) => reason === 'NodeNotResponding'),
      [{ type: 'Warning', ...LOST }],
    )
  })
  await t.test('and by another of another pod', async t => {
    const other = aPod(1, 'prepare', { runningSince: at(600) }, { name: 'home-1-prepare-other' })
    story.noPods().pods(stuck(610, other)).look()
    t.match(story.condition('Reconciling'), { message: /pod home-1-prepare-other should/ })
    t.equal(story.reasons().filter(reason => reason === 'NodeNotResponding').length, 2)
  })
})

t.test('it is forgotten when the pod has ended', async t => {
  const story = createStory().look().runs(1, 'prepare')
  story.pods(stuck(0)).wait(60).look()
  t.match(story.condition('Reconciling'), LOST)
  const failed = stuck(0, aPod(1, 'prepare', ended(137)))
  story.pods(failed).look()
  t.match(story.condition('Reconciling'), { reason: 'Retrying' })
  story.noPods().look()
  t.notMatch(story.condition('Reconciling'), LOST)
  const next = aPod(1, 'prepare', { runningSince: at(70) }, { name: 'home-1-prepare-next' })
  story.pods(next).look()
  t.match(story.condition('Reconciling'), { reason: 'Preparing' })
})

t.test('a job that is suspended says what it waits for', async t => {
  const story = createStory().look().runs(1, 'prepare').edit({ suspend: true }).look()
  story.pods(stuck(10)).look()
  t.match(story.condition('Reconciling'), { reason: 'Stopping' })
  t.equal(story.requeueAfterMs, 70_000)
  story.wait(70).look()
  t.match(story.condition('Reconciling'), LOST)
  t.not(story.status.phase, 'Suspended')

  await t.test('and so it does once it is resumed', async t => {
    story.edit({ suspend: false }).look()
    t.match(story.condition('Reconciling'), LOST)
    t.equal(story.made.filter(({ name }) => name === 'home-1-prepare').length, 1)
    story.noPods().look()
    t.equal(story.made.filter(({ name }) => name === 'home-1-prepare').length, 2)
    t.match(story.condition('Reconciling'), { reason: 'Preparing' })
  })
})

t.test('a new run says what it waits for of the one before', async t => {
  const story = createStory().look().runs(1, 'prepare').pods(stuck(10))
  story.edit({
    dataset: { ...story.observed.job.spec?.dataset, sources: [{ uri: 'https://e.org/x.jsonl' }] },
  })
  story.look()
  t.match(story.condition('Reconciling'), { reason: 'Waiting', message: /run 2: waiting for pod/ })
  t.equal(story.requeueAfterMs, 70_000)
  story.wait(70).look()
  t.match(story.condition('Reconciling'), LOST)
  t.equal(story.run?.number, 2)
})

t.test('a stage that waited for its node until the deadline says so', async t => {
  const story = createStory().look().runs(1, 'prepare')
  story.pods(stuck(0)).wait(60).look()
  story.noPods().jobEnds(1, 'prepare', failedBecause('DeadlineExceeded')).look()
  t.match(story.run, {
    reason: 'DeadlineExceeded',
    message: /it waited: pod home-1-prepare-abcde should have ended/,
  })
})
