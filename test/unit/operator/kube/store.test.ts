import t from 'tap'
import { createStore } from '../../../../operator/src/kube/store.ts'
import { anObject } from '../../../fixtures/kube/an-object.ts'

const owned = (name: string, ownerUid: string) =>
  anObject(name, {
    ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'o', uid: ownerUid }],
  })

t.test('finds objects by key, namespace and owner', t => {
  const store = createStore()
  store.set(owned('a', 'u1'))
  store.set(owned('b', 'u1'))
  store.set(anObject('c', { namespace: 'other' }))
  t.equal(store.size, 3)
  t.equal(store.get('ns/a')?.metadata.name, 'a')
  t.equal(store.get('ns/c'), undefined)
  t.strictSame(
    store.list('ns').map(object => object.metadata.name),
    ['a', 'b'],
  )
  t.equal(store.list().length, 3)
  t.strictSame(
    store.ownedBy('u1').map(object => object.metadata.name),
    ['a', 'b'],
  )
  t.strictSame(store.ownedBy('u2'), [])
  t.end()
})

t.test('indexes follow changes and deletes', t => {
  const store = createStore()
  t.equal(store.set(owned('a', 'u1')), undefined)
  t.equal(store.set(owned('a', 'u2'))?.metadata.name, 'a')
  t.strictSame(store.ownedBy('u1'), [])
  t.equal(store.ownedBy('u2').length, 1)
  t.equal(store.delete('ns/a')?.metadata.name, 'a')
  t.equal(store.delete('ns/a'), undefined)
  t.strictSame(store.ownedBy('u2'), [])
  t.equal(store.size, 0)
  t.end()
})

t.test('has indexes of the caller and refuses those it does not have', t => {
  const store = createStore({ stage: object => [object.metadata.labels?.['stage'] ?? ''] })
  store.set(anObject('a', { labels: { stage: 'Train' } }))
  t.equal(store.byIndex('stage', 'Train')[0]?.metadata.name, 'a')
  t.throws(() => store.byIndex('phase', 'x'), {
    message: 'no index phase; there are ownerUid, namespace, stage',
  })
  t.end()
})
