import t from 'tap'
import { actOnCache } from '../../../../operator/src/kube/act-on-cache.ts'
import { KubeError } from '../../../../operator/src/kube/kube-error.ts'

const refused = (status: number, reason: string) => async () => {
  throw new KubeError({ status, reason, message: reason })
}

t.test('what was written asks for the next look that the decision asks for', async t => {
  t.equal(await actOnCache(async () => {}), undefined)
  t.strictSame(await actOnCache(async () => {}, 500), { requeueAfterMs: 500 })
})

t.test('an object that has changed is looked at again soon', async t => {
  const result = await actOnCache(refused(409, 'Conflict'), 60_000)
  t.strictSame(result, { requeueAfterMs: 1000 })
})

t.test('an object that is gone is left alone', async t => {
  t.equal(await actOnCache(refused(404, 'NotFound'), 500), undefined)
})

t.test('any other failure is one', async t => {
  await t.rejects(actOnCache(refused(500, 'InternalError')), { message: 'InternalError' })
  await t.rejects(actOnCache(refused(409, 'AlreadyExists')), { message: 'AlreadyExists' })
})
