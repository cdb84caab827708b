import t from 'tap'
import {
  allOf,
  annotationChanged,
  anyOf,
  controllerKeys,
  generationChanged,
  ownedBy,
  within,
} from '../../../../operator/src/kube/predicates.ts'
import { anObject } from '../../../fixtures/kube/an-object.ts'

const object = anObject('a', { generation: 1 })

t.test('generationChanged', t => {
  const table = {
    'holds for a new object': [{ after: object }, true],
    'holds for a deleted object': [{ before: object }, true],
    'holds for a changed spec': [{ before: object, after: anObject('a', { generation: 2 }) }, true],
    'holds when deletion begins': [
      {
        before: object,
        after: anObject('a', { generation: 1, deletionTimestamp: '2026-01-01T00:00:00Z' }),
      },
      true,
    ],
    'holds for another object of that name': [
      { before: object, after: anObject('a', { generation: 1, uid: 'other' }) },
      true,
    ],
    'does not hold for a status write': [
      { before: object, after: anObject('a', { generation: 1, resourceVersion: '2' }) },
      false,
    ],
  } as const
  for (const [sentence, [change, expected]] of Object.entries(table))
    t.equal(generationChanged(change), expected, sentence)
  t.end()
})

t.test('annotationChanged looks at its annotation only', t => {
  const asked = annotationChanged('requested')
  const after = (annotations: Record<string, string>) => anObject('a', { annotations })
  t.equal(asked({ before: object, after: after({ requested: 'now' }) }), true)
  t.equal(asked({ before: object, after: after({ other: 'now' }) }), false)
  t.end()
})

t.test('predicates combine', t => {
  const yes = () => true
  const no = () => false
  t.equal(anyOf(no, yes)({}), true)
  t.equal(anyOf(no, no)({}), false)
  t.equal(allOf(yes, yes)({}), true)
  t.equal(allOf(yes, no)({}), false)
  t.end()
})

t.test('controllerKeys names the controller of that group and kind', t => {
  const reference = { kind: 'Job', name: 'j', uid: 'u', controller: true }
  const child = (apiVersion: string) =>
    anObject('c', { ownerReferences: [{ ...reference, apiVersion }] })
  const keys = controllerKeys({ group: 'batch', kind: 'Job' })
  t.strictSame(keys(child('batch/v1')), ['ns/j'])
  t.strictSame(keys(child('other/v1')), [])
  t.strictSame(keys(child('v1')), [])
  t.strictSame(controllerKeys({ group: 'batch', kind: 'CronJob' })(child('batch/v1')), [])
  t.strictSame(keys(object), [])
  t.equal(ownedBy(anObject('j', { uid: 'u' }), child('batch/v1')), true)
  t.equal(ownedBy(anObject('j'), child('batch/v1')), false)
  t.end()
})

t.test('within keeps what lies in the namespace of who is asked about', t => {
  const here = anObject('here')
  const there = { ...here, metadata: { ...here.metadata, namespace: 'other' } }
  t.strictSame(within('ns', [here, there]), [here])
  t.strictSame(within(undefined, [here, there]), [])
  t.end()
})
