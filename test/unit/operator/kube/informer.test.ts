import t from 'tap'
import { createInformer, type Subscription } from '../../../../operator/src/kube/informer.ts'
import type { KubeObject } from '../../../../operator/src/kube/kube-object.ts'
import { controllerKeys, generationChanged } from '../../../../operator/src/kube/predicates.ts'
import { anObject, CONFIG_MAP } from '../../../fixtures/kube/an-object.ts'
import { manualClock } from '../../../fixtures/kube/manual-clock.ts'
import { recordingLog } from '../../../fixtures/kube/recording-log.ts'
import {
  type ListStep,
  pageOf,
  scriptedCollection,
  type WatchStep,
} from '../../../fixtures/kube/scripted-collection.ts'

type TearingDown = { teardown(work: () => void): void }

const start = (t: TearingDown, lists: ListStep[], watches: WatchStep[]) => {
  const clock = manualClock()
  const log = recordingLog()
  const client = scriptedCollection(lists, watches)
  const informer = createInformer({ client, kind: CONFIG_MAP, clock, random: () => 1, log })
  const controller = new AbortController()
  t.teardown(() => controller.abort())
  const subscribe = (subscription: Partial<Subscription<KubeObject>> = {}) => {
    const keys: string[] = []
    informer.subscribe({ handle: key => keys.push(key), ...subscription })
    return keys
  }
  return { clock, log, informer, subscribe, run: () => informer.run(controller.signal) }
}

const child = (name: string, owner: string, resourceVersion: string) =>
  anObject(name, {
    resourceVersion,
    ownerReferences: [
      { apiVersion: 'batch/v1', kind: 'Job', name: owner, uid: `uid-${owner}`, controller: true },
    ],
  })

t.test('has synced when the whole first list is in the store', async t => {
  const { clock, informer, run } = start(t, [[pageOf('5', anObject('a')), pageOf('5')]], [{}])
  t.equal(informer.hasSynced(), false)
  const synced = informer.whenSynced()
  void run()
  await synced
  t.equal(informer.hasSynced(), true)
  t.equal(informer.get('ns/a')?.metadata.uid, 'uid-a')
  t.equal(informer.size, 1)
  await clock.advance(0)
})

t.test('waiting for the sync ends with its signal', async t => {
  const { informer } = start(t, [[]], [{}])
  await t.rejects(informer.whenSynced(AbortSignal.abort(new Error('stop'))), { message: 'stop' })
})

t.test('keeps no managed fields', async t => {
  const object = anObject('a')
  const metadata = { ...object.metadata, managedFields: [{ manager: 'kubectl' }] }
  const { clock, informer, run } = start(t, [[pageOf('5', { ...object, metadata })]], [{}])
  void run()
  await clock.advance(0)
  t.strictSame(informer.get('ns/a'), object)
})

t.test('subscribers hear keys: of changes that matter, of owners old and new', async t => {
  const changes = [
    child('a', 'one', '6'),
    child('a', 'two', '7'),
    { ...child('a', 'two', '8'), status: {} },
  ]
  const events = changes.map(object => ({ type: 'MODIFIED' as const, object }))
  const last = { type: 'DELETED' as const, object: child('a', 'two', '9') }
  const watch = { events: [...events, last] }
  const { clock, informer, subscribe, run } = start(t, [[pageOf('5')]], [watch])
  const own = subscribe()
  const owners = subscribe({ keysOf: controllerKeys({ group: 'batch', kind: 'Job' }) })
  const specs = subscribe({ when: generationChanged })
  void run()
  await clock.advance(0)
  t.strictSame(own, ['ns/a', 'ns/a', 'ns/a', 'ns/a'])
  t.strictSame(owners, ['ns/one', 'ns/one', 'ns/two', 'ns/two', 'ns/two'])
  t.strictSame(specs, ['ns/a', 'ns/a'])
  t.strictSame(informer.ownedBy('uid-two'), [])
})

t.test('who subscribes late hears of what is there', async t => {
  const { clock, subscribe, run } = start(t, [[pageOf('5', anObject('a'))]], [{}])
  void run()
  await clock.advance(0)
  t.strictSame(subscribe(), ['ns/a'])
})

t.test('a subscriber that throws harms nobody and is logged', async t => {
  const lists = [[pageOf('5', anObject('a'), anObject('b'))]]
  const { clock, log, informer, subscribe, run } = start(t, lists, [{}])
  subscribe({
    handle: () => {
      throw new Error('mine')
    },
  })
  const other = subscribe()
  void run()
  await clock.advance(0)
  t.strictSame(other, ['ns/a', 'ns/b'])
  t.equal(informer.hasSynced(), true)
  t.match(log.lines, [{ level: 'error', message: 'a subscriber of the cache threw' }, {}])
})

t.test('who unsubscribed hears nothing more', async t => {
  const { clock, informer, run } = start(t, [[pageOf('5', anObject('a'))]], [{}])
  const keys: string[] = []
  const unsubscribe = informer.subscribe({ handle: key => keys.push(key) })
  unsubscribe()
  void run()
  await clock.advance(0)
  t.strictSame(keys, [])
})
