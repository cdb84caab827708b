import t from 'tap'
import { runWorkers } from '../../../../operator/src/kube/run-workers.ts'
import { createWorkQueue } from '../../../../operator/src/kube/work-queue.ts'
import { manualClock } from '../../../fixtures/kube/manual-clock.ts'
import { recordingLog } from '../../../fixtures/kube/recording-log.ts'

const setUp = () => {
  const clock = manualClock()
  const queue = createWorkQueue({ clock, random: () => 1, backoff: { baseMs: 10, capMs: 100 } })
  return { clock, queue, log: recordingLog() }
}

t.test('never gives one key to two workers', async t => {
  const { clock, queue, log } = setUp()
  let running = 0
  let most = 0
  const finish: (() => void)[] = []
  const reconcile = async () => {
    running += 1
    most = Math.max(most, running)
    await new Promise<void>(resolve => finish.push(resolve))
    running -= 1
    return undefined
  }
  const done = runWorkers({ queue, workers: 3, reconcile, log })
  queue.add('a')
  await clock.advance(0)
  queue.add('a')
  await clock.advance(0)
  t.equal(finish.length, 1)
  finish[0]?.()
  await clock.advance(0)
  t.equal(finish.length, 2)
  finish[1]?.()
  queue.shutDown()
  await done
  t.equal(most, 1)
})

t.test('tries again what threw, and forgets the failures with a success', async t => {
  const { clock, queue, log } = setUp()
  const outcomes: string[] = []
  let calls = 0
  const reconcile = async () => {
    calls += 1
    if (calls < 3) throw new Error('not yet')
    return undefined
  }
  const observe = (outcome: string) => {
    outcomes.push(outcome)
  }
  const done = runWorkers({ queue, workers: 1, reconcile, log, observe })
  queue.add('a')
  await clock.advance(9)
  t.equal(calls, 1)
  await clock.advance(1)
  t.equal(calls, 2)
  await clock.advance(20)
  t.equal(calls, 3)
  t.equal(queue.failures('a'), 0)
  t.strictSame(outcomes, ['error', 'error', 'success'])
  t.match(log.lines[1], { level: 'error', fields: { key: 'a', failures: 2 } })
  queue.shutDown()
  await done
})

t.test('looks again when the reconcile asked for it', async t => {
  const { clock, queue, log } = setUp()
  let calls = 0
  const reconcile = async () => {
    calls += 1
    return calls === 1 ? { requeueAfterMs: 5000 } : undefined
  }
  const done = runWorkers({ queue, workers: 1, reconcile, log })
  queue.add('a')
  await clock.advance(4999)
  t.equal(calls, 1)
  await clock.advance(1)
  t.equal(calls, 2)
  await clock.advance(60_000)
  t.equal(calls, 2)
  queue.shutDown()
  await done
})

t.test('between two keys everything else of the process gets its turn', async t => {
  const { queue, log } = setUp()
  const story: string[] = []
  const reconcile = async (key: string) => {
    if (key === 'a') setImmediate(() => story.push('elsewhere'))
    story.push(key)
    return undefined
  }
  for (const key of ['a', 'b', 'c']) queue.add(key)
  const done = runWorkers({ queue, workers: 1, reconcile, log })
  while (story.length < 4) await new Promise(resolve => setImmediate(resolve))
  t.strictSame(story, ['a', 'elsewhere', 'b', 'c'])
  queue.shutDown()
  await done
})
