import t from 'tap'
import type { Informer } from '../../../../operator/src/kube/informer.ts'
import type { KubeObject, ObjectKey } from '../../../../operator/src/kube/kube-object.ts'
import { perNamespace } from '../../../../operator/src/kube/per-namespace.ts'
import { createStore } from '../../../../operator/src/kube/store.ts'

const object = (namespace: string, name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: {
    name,
    namespace,
    labels: { name },
    ownerReferences: [{ apiVersion: 'v1', kind: 'Any', name: 'owner', uid: 'owner' }],
  },
})

/** A namespace with two objects, that becomes synced by `run`. */
const informerOf = (namespace = ''): Informer<KubeObject> => {
  const store = createStore<KubeObject>({
    name: ({ metadata }) => [metadata.labels?.['name'] ?? ''],
  })
  const handlers = new Set<(key: ObjectKey) => void>()
  let synced = false
  return {
    ...store,
    get size() {
      return store.size
    },
    subscribe: ({ handle }) => {
      handlers.add(handle)
      return () => handlers.delete(handle)
    },
    hasSynced: () => synced,
    whenSynced: async () => {},
    run: async () => {
      for (const name of ['one', 'two']) {
        store.set(object(namespace, name))
        for (const handle of handlers) handle(`${namespace}/${name}`)
      }
      synced = true
    },
    clear: () => {
      for (const name of ['one', 'two']) store.delete(`${namespace}/${name}`)
    },
  }
}

t.test('several namespaces are one cache', async t => {
  const cache = perNamespace(['a', 'b'], informerOf)
  const keys: ObjectKey[] = []
  const end = cache.subscribe({ handle: key => keys.push(key) })
  t.notOk(cache.hasSynced())
  await cache.run(new AbortController().signal)
  await cache.whenSynced()
  t.ok(cache.hasSynced())
  t.strictSame(keys.toSorted(), ['a/one', 'a/two', 'b/one', 'b/two'])
  t.equal(cache.size, 4)
  t.equal(cache.get('b/one')?.metadata.namespace, 'b')
  t.equal(cache.get('c/one'), undefined)
  t.equal(cache.list().length, 4)
  t.equal(cache.list('a').length, 2)
  t.strictSame(cache.list('c'), [])
  t.equal(cache.ownedBy('owner').length, 4)
  t.equal(cache.byIndex('name', 'one').length, 2)
  end()
  cache.clear()
  t.equal(cache.size, 0)
  await cache.run(new AbortController().signal)
  t.equal(keys.length, 4, 'who has left is told no more')
})

t.test('none is the whole cluster, and one needs no cache of caches', async t => {
  const asked: (string | undefined)[] = []
  const create = (namespace: string | undefined) => {
    asked.push(namespace)
    return informerOf(namespace)
  }
  perNamespace([], create)
  perNamespace(['a'], create)
  t.strictSame(asked, [undefined, 'a'])
})
