import fc from 'fast-check'
import t from 'tap'
import {
  apiVersionOf,
  controllerOf,
  controllerReference,
  objectKey,
  parseKey,
} from '../../../../operator/src/kube/kube-object.ts'
import { anObject } from '../../../fixtures/kube/an-object.ts'

t.test('a key names what it was made of', t => {
  const name = fc.stringMatching(/^[a-z0-9.-]{1,20}$/)
  fc.assert(
    fc.property(name, fc.option(name, { nil: undefined }), (name, namespace) => {
      const ref = namespace === undefined ? { name } : { name, namespace }
      t.strictSame(parseKey(objectKey(ref)), ref)
    }),
    { numRuns: 20 },
  )
  t.end()
})

t.test('the core group has no name in apiVersion', t => {
  t.equal(apiVersionOf({ group: '', version: 'v1' }), 'v1')
  t.equal(apiVersionOf({ group: 'batch', version: 'v1' }), 'batch/v1')
  t.end()
})

t.test('an owner is referred to as the controller', t => {
  const reference = controllerReference(anObject('owner'))
  t.strictSame(reference, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    name: 'owner',
    uid: 'uid-owner',
    controller: true,
    blockOwnerDeletion: true,
  })
  t.equal(controllerOf(anObject('child', { ownerReferences: [reference] })), reference)
  const { controller: _, ...shared } = reference
  t.equal(controllerOf(anObject('child', { ownerReferences: [shared] })), undefined)
  t.end()
})

t.test('an object that was never read cannot own', t => {
  const { uid: _, ...metadata } = anObject('owner').metadata
  t.throws(() => controllerReference({ ...anObject('owner'), metadata }), {
    message: 'ConfigMap owner has no uid: read it first',
  })
  t.end()
})
