import t from 'tap'
import { watchedWeights } from '../../../../trainer-image/src/publish/watched-weights.ts'
import { StageStopped } from '../../../../trainer-image/src/stage-error.ts'

const weights = {
  names: ['a', 'b'],
  shape: () => [1],
  read: async () => Float32Array.of(1),
  close: async () => {},
}

t.test('tells how far it is, never beyond the end', async t => {
  const shares: number[] = []
  const { signal } = new AbortController()
  const watched = watchedWeights(weights, { signal, onTensor: share => void shares.push(share) })
  for (const name of ['a', 'b', 'a']) t.same(await watched.read(name), Float32Array.of(1))
  t.strictSame(shares, [0.5, 1, 1])
})

t.test('a stop is heard before the next tensor', async t => {
  const controller = new AbortController()
  const watched = watchedWeights(weights, { signal: controller.signal, onTensor: () => {} })
  await watched.read('a')
  controller.abort()
  await t.rejects(watched.read('b'), StageStopped)
})
