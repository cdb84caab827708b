import fc from 'fast-check'
import t from 'tap'
import { backoffDelay } from '../../../../operator/src/kube/backoff.ts'

const options = { baseMs: 5, capMs: 1_000_000 }

t.test('doubles with each failure', t => {
  const highest = () => 1
  t.strictSame(
    [0, 1, 2, 10].map(failures => backoffDelay(options, failures, highest)),
    [5, 10, 20, 5120],
  )
  t.end()
})

t.test('lies between half of the bound and the bound, whatever the failures', t => {
  fc.assert(
    fc.property(fc.nat(), fc.double({ min: 0, max: 1, noNaN: true }), (failures, random) => {
      const bound = Math.min(options.capMs, options.baseMs * 2 ** Math.min(failures, 52))
      const delay = backoffDelay(options, failures, () => random)
      return delay >= bound / 2 && delay <= bound
    }),
  )
  t.end()
})
