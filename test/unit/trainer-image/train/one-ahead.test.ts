import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { oneAhead } from '../../../../trainer-image/src/train/one-ahead.ts'

const counting = (count: number) => {
  const made: number[] = []
  const values = (function* () {
    for (let i = 0; i < count; i++) {
      made.push(i)
      yield i
    }
  })()
  return { made, values }
}

t.test('one value is made while the one before is in use, and not two', async t => {
  const { made, values } = counting(5)
  const { take } = oneAhead(values)
  t.strictSame(made, [], 'none before it is asked for')
  t.equal(take(), 0)
  t.strictSame(made, [0], 'the first is in use before the second is made')
  await setImmediate()
  await setImmediate()
  t.strictSame(made, [0, 1])
  t.strictSame([take(), take(), take()], [1, 2, 3], 'who does not wait gets them all the same')
  await setImmediate()
  await setImmediate()
  t.strictSame(made, [0, 1, 2, 3, 4])
  t.equal(take(), 4)
  t.throws(take, RangeError)
})

t.test('what cannot be made is told when it is asked for', async t => {
  const { take } = oneAhead(
    (function* () {
      yield 1
      throw new Error('row 7 is damaged')
    })(),
  )
  t.equal(take(), 1)
  await setImmediate()
  await setImmediate()
  t.throws(take, /row 7 is damaged/)
})
