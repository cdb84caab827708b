import t from 'tap'
import { createWorkQueue, type WorkQueueOptions } from '../../../../operator/src/kube/work-queue.ts'
import { manualClock } from '../../../fixtures/kube/manual-clock.ts'

const aQueue = (options: Partial<WorkQueueOptions> = {}) => {
  const clock = manualClock()
  const queue = createWorkQueue({ clock, random: () => 1, ...options })
  return { clock, queue }
}

t.test('keys come out in their order, each once', async t => {
  const { queue } = aQueue()
  for (const key of ['a', 'b', 'a']) t.equal(queue.add(key), true)
  t.equal(queue.depth, 2)
  t.strictSame([await queue.take(), await queue.take()], ['a', 'b'])
  t.equal(queue.depth, 0)
})

t.test('namespaces take turns', async t => {
  const { queue } = aQueue()
  for (const key of ['a/1', 'a/2', 'a/3', 'cluster-wide', 'b/1']) queue.add(key)
  const taken = [await queue.take(), await queue.take(), await queue.take(), await queue.take()]
  t.strictSame(taken, ['a/1', 'cluster-wide', 'b/1', 'a/2'])
})

t.test('a key that fails or comes again while it is worked on has no turn of another', async t => {
  const { queue, clock } = aQueue({ backoff: { baseMs: 10, capMs: 10 } })
  for (const key of ['a/1', 'a/2', 'b/1', 'b/2']) queue.add(key)
  t.equal(await queue.take(), 'a/1')
  queue.retry('a/1')
  queue.done('a/1')
  await clock.advance(10)
  t.equal(await queue.take(), 'b/1')
  queue.add('b/1')
  queue.done('b/1')
  const rest = [await queue.take(), await queue.take(), await queue.take(), await queue.take()]
  t.strictSame(rest, ['a/2', 'b/2', 'a/1', 'b/1'])
})

t.test('a key that is being worked on comes again after done, once', async t => {
  const { queue } = aQueue()
  queue.add('a')
  await queue.take()
  queue.add('a')
  queue.add('a')
  t.equal(queue.depth, 0)
  queue.done('a')
  t.equal(queue.depth, 1)
  t.equal(await queue.take(), 'a')
  queue.done('a')
  t.equal(queue.depth, 0)
})

t.test('a worker that waits gets the next key', async t => {
  const { queue } = aQueue()
  const [first, second] = [queue.take(), queue.take()]
  queue.add('a')
  queue.add('b')
  t.strictSame(await Promise.all([first, second]), ['a', 'b'])
})

t.test('a delayed key comes when it is due, at the earliest of its times', async t => {
  const { queue, clock } = aQueue()
  queue.addAfter('a', 1000)
  queue.addAfter('a', 500)
  queue.addAfter('a', 2000)
  await clock.advance(499)
  t.equal(queue.depth, 0)
  await clock.advance(1)
  t.equal(await queue.take(), 'a')
  queue.done('a')
  await clock.advance(5000)
  t.equal(queue.depth, 0)
})

t.test('retries wait longer each time, up to the cap, until they are forgotten', async t => {
  const { queue, clock } = aQueue({ backoff: { baseMs: 10, capMs: 35 } })
  for (const [failures, delayMs] of [10, 20, 35, 35].entries()) {
    t.equal(queue.failures('a'), failures)
    queue.retry('a')
    await clock.advance(delayMs - 1)
    t.equal(queue.depth, 0)
    await clock.advance(1)
    t.equal(await queue.take(), 'a')
    queue.done('a')
  }
  queue.forget('a')
  t.equal(queue.failures('a'), 0)
})

t.test('a full queue says no to new keys and tells of it', async t => {
  const dropped: string[] = []
  const { queue } = aQueue({ maxKeys: 2, observe: { dropped: key => dropped.push(key) } })
  queue.add('a')
  queue.addAfter('b', 1000)
  t.equal(queue.add('c'), false)
  t.equal(queue.addAfter('d', 1000), false)
  t.equal(queue.retry('e'), false)
  t.equal(queue.failures('e'), 0)
  t.equal(queue.add('a'), true, 'a key that is in it is no new key')
  t.strictSame(dropped, ['c', 'd', 'e'])
})

t.test('the keys of one namespace leave room for the first of another', async t => {
  const dropped: string[] = []
  const options = { maxKeys: 3, observe: { dropped: (key: string) => dropped.push(key) } }
  const { queue, clock } = aQueue(options)
  queue.add('a/1')
  for (const key of ['a/2', 'a/3', 'a/4']) queue.addAfter(key, 1000)
  t.equal(queue.add('b/1'), true)
  t.equal(queue.addAfter('c/1', 1000), true)
  t.equal(queue.add('b/2'), false)
  t.equal(queue.addAfter('c/2', 1000), false)
  t.equal(queue.retry('c/2'), false)
  t.strictSame(dropped, ['a/4', 'b/2', 'c/2', 'c/2'])
  await clock.advance(1000)
  const taken = [await queue.take(), await queue.take(), await queue.take()]
  t.strictSame(taken, ['a/1', 'b/1', 'c/1'], 'a delayed key is not lost where it is full')
  t.equal(queue.depth, 2)
  t.equal(queue.add('b/1'), true, 'nor is the only one that comes again')
  t.equal(queue.add('a/5'), false)
  for (const key of ['a/1', 'b/1', 'c/1']) queue.done(key)
  const rest = [await queue.take(), await queue.take(), await queue.take()]
  t.strictSame(rest.toSorted(), ['a/2', 'a/3', 'b/1'])
  t.equal(queue.add('a/5'), true, 'and there is room again')
})

t.test('tells depth and waiting time', async t => {
  const depths: number[] = []
  const waits: number[] = []
  const { queue, clock } = aQueue({
    observe: { depth: keys => depths.push(keys), waited: seconds => waits.push(seconds) },
  })
  queue.add('a')
  queue.add('b')
  await clock.advance(1500)
  await queue.take()
  t.strictSame(depths, [1, 2, 1])
  t.strictSame(waits, [1.5])
})

t.test('shutting down', async t => {
  await t.test('drops what waits and frees the workers', async t => {
    const { queue, clock } = aQueue()
    const waiting = queue.take()
    queue.addAfter('late', 1000)
    queue.shutDown()
    t.equal(await waiting, undefined)
    t.equal(await queue.take(), undefined)
    t.equal(queue.add('a'), false)
    t.equal(clock.timers, 0)
    await queue.drained()
  })

  await t.test('is drained when the last key was given back', async t => {
    const { queue, clock } = aQueue()
    queue.add('a')
    queue.add('b')
    await queue.take()
    queue.add('a')
    queue.shutDown()
    let drained = false
    const waited = queue.drained().then(() => {
      drained = true
    })
    await clock.advance(0)
    t.equal(drained, false)
    queue.done('a')
    await waited
    t.equal(queue.depth, 0)
  })
})
