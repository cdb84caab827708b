import t from 'tap'
import { createKnownObjects } from '../../../../operator/src/kube/known-objects.ts'
import { anObject } from '../../../fixtures/kube/an-object.ts'

t.test('tells of an object once a version', t => {
  const known = createKnownObjects()
  const first = anObject('a')
  t.strictSame(known.saw(first), [{ type: 'set', object: first }])
  t.strictSame(known.saw(first), [])
  const second = anObject('a', { resourceVersion: '2' })
  t.strictSame(known.saw(second), [{ type: 'set', object: second }])
  t.end()
})

t.test('an object made anew under the same name is a delete, then an add', t => {
  const known = createKnownObjects()
  known.saw(anObject('a'))
  const anew = anObject('a', { uid: 'new', resourceVersion: '9' })
  t.strictSame(known.saw(anew), [
    { type: 'deleted', key: 'ns/a', uid: 'uid-a' },
    { type: 'set', object: anew },
  ])
  t.end()
})

t.test('a list deletes what it does not have', t => {
  const known = createKnownObjects()
  for (const name of ['a', 'b', 'c']) known.saw(anObject(name))
  t.strictSame(known.retain(new Set(['ns/b'])), [
    { type: 'deleted', key: 'ns/a', uid: 'uid-a' },
    { type: 'deleted', key: 'ns/c', uid: 'uid-c' },
  ])
  t.strictSame(known.retain(new Set(['ns/b'])), [])
  t.end()
})

t.test('a delete is told once, and only of the object that is known', t => {
  const known = createKnownObjects()
  known.saw(anObject('a'))
  t.strictSame(known.sawDeleted(anObject('a', { uid: 'older' })), [])
  t.strictSame(known.sawDeleted(anObject('a')), [{ type: 'deleted', key: 'ns/a', uid: 'uid-a' }])
  t.strictSame(known.sawDeleted(anObject('a')), [])
  t.end()
})

t.test('an object without uid is refused', t => {
  const { uid: _, ...metadata } = anObject('a').metadata
  t.throws(() => createKnownObjects().saw({ ...anObject('a'), metadata }), {
    message: 'a has no uid or resourceVersion',
  })
  t.end()
})
