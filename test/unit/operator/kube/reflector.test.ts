import t from 'tap'
import type { Delta } from '../../../../operator/src/kube/known-objects.ts'
import { KubeError } from '../../../../operator/src/kube/kube-error.ts'
import type { KubeObject } from '../../../../operator/src/kube/kube-object.ts'
import { silentLog } from '../../../../operator/src/kube/log.ts'
import { reflect } from '../../../../operator/src/kube/reflector.ts'
import { anObject, CONFIG_MAP } from '../../../fixtures/kube/an-object.ts'
import { manualClock } from '../../../fixtures/kube/manual-clock.ts'
import {
  gone,
  type ListStep,
  pageOf,
  scriptedCollection,
  type WatchStep,
} from '../../../fixtures/kube/scripted-collection.ts'

type TearingDown = { teardown(work: () => void): void }

const start = (t: TearingDown, lists: ListStep[], watches: WatchStep[]) => {
  const clock = manualClock()
  const client = scriptedCollection(lists, watches)
  const controller = new AbortController()
  t.teardown(() => controller.abort())
  const deltas: Delta<KubeObject>[] = []
  const restarts: string[] = []
  const run = async () => {
    const deltasOfAll = reflect({
      client,
      kind: CONFIG_MAP,
      namespace: 'ns',
      labelSelector: 'a=b',
      signal: controller.signal,
      clock,
      random: () => 1,
      log: silentLog,
      backoff: { baseMs: 1000, capMs: 8000 },
      watchSeconds: { min: 300, max: 600 },
      observe: { restarted: reason => restarts.push(reason) },
    })
    for await (const delta of deltasOfAll) deltas.push(delta)
  }
  return { clock, client, deltas, restarts, done: run(), stop: () => controller.abort() }
}

const names = (deltas: readonly Delta<KubeObject>[]) =>
  deltas.map(delta => {
    if (delta.type === 'set') return `set ${delta.object.metadata.name}`
    return delta.type === 'deleted' ? `deleted ${delta.uid}` : `synced ${delta.resourceVersion}`
  })
const event = (type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK', object: KubeObject) => ({
  type,
  object,
})
const bookmark = (resourceVersion: string) => event('BOOKMARK', anObject('', { resourceVersion }))

t.test('lists from the cache, then watches from there, with bookmarks', async t => {
  const pages = [pageOf('5', anObject('a')), pageOf('5', anObject('b'))]
  const { clock, client, deltas } = start(t, [pages], [{}])
  await clock.advance(0)
  t.strictSame(names(deltas), ['set a', 'set b', 'synced 5'])
  t.match(client.lists, [
    { resourceVersion: '0', limit: 500, namespace: 'ns', labelSelector: 'a=b' },
  ])
  t.equal(client.lists[0]?.resourceVersionMatch, undefined)
  t.match(client.watches, [
    {
      resourceVersion: '5',
      allowBookmarks: true,
      timeoutSeconds: 600,
      namespace: 'ns',
      labelSelector: 'a=b',
    },
  ])
})

t.test('goes on at once, from the last event or bookmark, when a watch ends', async t => {
  const watches: WatchStep[] = [
    { events: [event('ADDED', anObject('a', { resourceVersion: '6' }))], end: 'close' },
    { events: [bookmark('9')], end: 'close' },
    {},
  ]
  const { clock, client, deltas, restarts } = start(t, [[pageOf('5')]], watches)
  await clock.advance(0)
  t.strictSame(
    client.watches.map(({ resourceVersion }) => resourceVersion),
    ['5', '6', '9'],
  )
  t.strictSame(names(deltas), ['synced 5', 'set a'])
  t.strictSame(restarts, ['closed', 'closed'])
})

for (const [sentence, error] of Object.entries({ HTTP: gone(), 'the stream': gone('Gone') }))
  t.test(`a 410 by ${sentence} lists anew, after a pause, not behind what it has seen`, async t => {
    const lists = [[pageOf('5', anObject('a'), anObject('b'))], [pageOf('20', anObject('b'))]]
    const watches: WatchStep[] = [{ events: [bookmark('8')], end: error }, {}]
    const { clock, client, deltas, restarts } = start(t, lists, watches)
    await clock.advance(999)
    t.equal(client.lists.length, 1)
    await clock.advance(1)
    t.match(client.lists[1], { resourceVersion: '8', resourceVersionMatch: 'NotOlderThan' })
    t.strictSame(names(deltas).slice(3), ['deleted uid-a', 'synced 20'])
    t.equal(client.watches[1]?.resourceVersion, '20')
    t.strictSame(restarts, ['gone'])
  })

t.test('a server that always says 410 is asked less and less', async t => {
  const { clock, client } = start(t, [[pageOf('5')]], [{ end: gone() }])
  await clock.advance(60_000)
  // after 1, 2, 4 and then every 8 s
  t.equal(client.lists.length, 10)
})

t.test('a list that is too old or of the future asks for what is there now', async t => {
  const future = new KubeError({
    status: 504,
    reason: 'Timeout',
    message: 'Too large resource version',
    details: { causes: [{ reason: 'ResourceVersionTooLarge' }] },
  })
  for (const error of [gone(), future]) {
    const lists = [[pageOf('5')], error, [pageOf('3')]]
    const { clock, client } = start(t, lists, [{ end: gone() }, {}])
    await clock.advance(60_000)
    t.strictSame(
      client.lists.map(({ resourceVersion }) => resourceVersion),
      ['0', '5', ''],
    )
  }
})

t.test('a list that breaks off deletes nothing', async t => {
  const broken = new KubeError({ status: 500, reason: 'InternalError', message: 'etcd' })
  const lists: ListStep[] = [[pageOf('5', anObject('a'))], broken, [pageOf('9', anObject('a'))]]
  const { clock, deltas } = start(t, lists, [{ end: gone() }, {}])
  await clock.advance(60_000)
  t.strictSame(names(deltas), ['set a', 'synced 5', 'synced 9'])
})

t.test('an object made anew in a gap is deleted, then added', async t => {
  const anew = anObject('a', { uid: 'new', resourceVersion: '8' })
  const lists = [[pageOf('5', anObject('a'))], [pageOf('9', anew)]]
  const { clock, deltas } = start(t, lists, [{ end: gone() }, {}])
  await clock.advance(60_000)
  t.strictSame(names(deltas).slice(2), ['deleted uid-a', 'set a', 'synced 9'])
})

t.test('another error pauses and watches again from where it was', async t => {
  const failed = new KubeError({ status: 0, reason: 'ConnectionFailed', message: 'reset' })
  const { clock, client, restarts } = start(t, [[pageOf('5')]], [{ end: failed }])
  await clock.advance(15_500)
  // at 0, 1, 3, 7 and 15 s
  t.equal(client.watches.length, 5)
  t.equal(client.lists.length, 1)
  t.ok(restarts.every(reason => reason === 'failed'))
})

t.test('waits as long as a busy server asks', async t => {
  const busy = new KubeError({
    status: 429,
    reason: 'TooManyRequests',
    message: 'busy',
    details: { retryAfterSeconds: 5 },
  })
  const { clock, client } = start(t, [[pageOf('5')]], [{ end: busy }])
  await clock.advance(4999)
  t.equal(client.watches.length, 1)
  await clock.advance(1)
  t.equal(client.watches.length, 2)
})

t.test(
  'an error of the stream other than 410 is a failure; after three of them it lists',
  async t => {
    const failed = new KubeError({ status: 500, reason: 'InternalError', message: 'decode' })
    const { clock, client, restarts } = start(t, [[pageOf('5')]], [{ end: failed }])
    await clock.advance(6999)
    t.equal(client.lists.length, 1)
    t.strictSame(restarts, ['failed', 'failed', 'failed'])
    await clock.advance(1)
    t.equal(client.lists.length, 2)
  },
)

t.test('an event between them makes the failures count anew', async t => {
  const failed = new KubeError({ status: 500, reason: 'InternalError', message: 'decode' })
  const watches: WatchStep[] = [
    { end: failed },
    { end: failed },
    { events: [bookmark('6')], end: failed },
    { end: failed },
    {},
  ]
  const { clock, client } = start(t, [[pageOf('5')]], watches)
  await clock.advance(60_000)
  t.equal(client.watches.length, 5)
  t.equal(client.lists.length, 1)
})

t.test('a watch that closes at once without a word is no reason to hurry', async t => {
  const { clock, client, restarts } = start(t, [[pageOf('5')]], [{ end: 'close' }])
  await clock.advance(999)
  t.equal(client.watches.length, 1)
  t.strictSame(restarts, ['short'])
  await clock.advance(1)
  t.equal(client.watches.length, 2)
})

t.test('a watch that hangs is killed five seconds after its time', async t => {
  const { clock, client, restarts } = start(t, [[pageOf('5')]], [{}])
  await clock.advance(604_999)
  t.strictSame(restarts, [])
  await clock.advance(1)
  t.strictSame(restarts, ['stalled'])
  await clock.advance(1000)
  t.equal(client.watches.length, 2)
})

t.test('ends with its signal and leaves no timer', async t => {
  const { clock, done, stop } = start(t, [[pageOf('5')]], [{}])
  await clock.advance(0)
  stop()
  await done
  t.equal(clock.timers, 0)

  const pausing = start(t, [gone()], [{}])
  await pausing.clock.advance(0)
  pausing.stop()
  await pausing.done
  t.equal(pausing.clock.timers, 0)
})
