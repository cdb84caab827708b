import t from 'tap'
import { createOptionalInformer } from '../../../../operator/src/kube/optional-informer.ts'
import { anObject, CONFIG_MAP } from '../../../fixtures/kube/an-object.ts'
import { manualClock } from '../../../fixtures/kube/manual-clock.ts'
import { recordingLog } from '../../../fixtures/kube/recording-log.ts'
import { pageOf, scriptedCollection } from '../../../fixtures/kube/scripted-collection.ts'

type TearingDown = { teardown(work: () => Promise<void>): void }

const DISCOVERY_MS = 30_000

/** @param answers what discovery says, one after the other; the last for ever */
const watching = async (t: TearingDown, answers: readonly (boolean | Error)[]) => {
  const clock = manualClock()
  const log = recordingLog()
  const collection = scriptedCollection([[pageOf('5', anObject('a'))]], [{}])
  let asked = 0
  const serves = async () => {
    asked += 1
    const answer = answers[Math.min(asked, answers.length) - 1] ?? false
    if (answer instanceof Error) throw answer
    return answer
  }
  const client = { ...collection, serves }
  const options = { client, kind: CONFIG_MAP, discoveryMs: DISCOVERY_MS, clock, log }
  const informer = createOptionalInformer({ ...options, random: () => 0.5 })
  const told: string[] = []
  informer.subscribe({ handle: key => told.push(key) })
  const stop = new AbortController()
  const running = informer.run(stop.signal)
  t.teardown(async () => {
    stop.abort()
    await running
  })
  await clock.advance(0)
  return { clock, log, collection, informer, told, asked: () => asked }
}

t.test('a kind that is absent is synced, and nothing is listed or watched or said', async t => {
  const { clock, log, collection, informer, asked } = await watching(t, [false])
  await informer.whenSynced()
  t.ok(informer.hasSynced())
  await clock.advance(10 * DISCOVERY_MS)
  t.equal(asked(), 11)
  t.strictSame([...collection.lists, ...collection.watches, ...log.lines], [])
})

t.test('a kind that is there is synced once it is listed', async t => {
  const { informer, told, collection } = await watching(t, [true])
  await informer.whenSynced()
  t.equal(informer.size, 1)
  t.strictSame(told, ['ns/a'])
  t.equal(collection.watches.length, 1)
})

t.test('a kind that appears is mirrored, and once only', async t => {
  const { clock, collection, informer, told } = await watching(t, [false, false, true])
  await clock.advance(DISCOVERY_MS)
  t.equal(informer.size, 0)
  await clock.advance(DISCOVERY_MS)
  t.strictSame(told, ['ns/a'])
  await clock.advance(5 * DISCOVERY_MS)
  t.equal(collection.lists.length, 1)
  t.equal(collection.watches.length, 1)
})

t.test('a kind that goes is forgotten, each object as one deleted, and may come again', async t => {
  const { clock, log, informer, told } = await watching(t, [true, false, true])
  await clock.advance(DISCOVERY_MS)
  t.equal(informer.size, 0)
  t.equal(informer.get('ns/a'), undefined)
  t.strictSame(told, ['ns/a', 'ns/a'])
  await clock.advance(DISCOVERY_MS)
  t.equal(informer.size, 1)
  t.strictSame(
    log.lines.map(({ level }) => level),
    ['info', 'info', 'info'],
  )
})

t.test('an answer that does not come is no answer', async t => {
  const failure = new Error('connection refused')
  await t.test('before the first, nothing is synced and it is asked again soon', async t => {
    const { clock, informer } = await watching(t, [failure, false])
    t.notOk(informer.hasSynced())
    await clock.advance(1000)
    t.ok(informer.hasSynced())
  })
  await t.test('later, everything stays as it is', async t => {
    const { clock, informer } = await watching(t, [true, failure])
    await clock.advance(DISCOVERY_MS)
    t.equal(informer.size, 1)
  })
})
