import t from 'tap'
import {
  type Judgement,
  judgeLoss,
  median,
  NO_HISTORY,
} from '../../../../trainer-image/src/train/divergence.ts'

const judge = (losses: readonly number[], warmup = 0): readonly Judgement[] => {
  let history = NO_HISTORY
  return losses.map((loss, step) => {
    const judged = judgeLoss(history, loss, step >= warmup)
    history = judged.history
    return judged
  })
}
const reasonOf = (losses: readonly number[], warmup = 0) => judge(losses, warmup).at(-1)?.reason
const times = (count: number, loss: number) => Array.from({ length: count }, () => loss)

t.test('eight steps in a row over three times the median are too many', async t => {
  t.equal(reasonOf([...times(5, 1), ...times(7, 3.1)]), undefined)
  t.equal(
    reasonOf([...times(5, 1), ...times(8, 3.1)]),
    'loss 3.1000, in 8 steps in a row over 3 × the median of the steps before, 1.0000',
  )
  t.equal(reasonOf([...times(5, 1), ...times(8, 2.9)]), undefined)
  t.equal(reasonOf([...times(5, 1), ...times(7, 9), 1, ...times(7, 9)]), undefined, 'in a row')
})

t.test('the first loss is enough to compare with', async t => {
  t.match(reasonOf([4, ...times(8, 300)]), /median of the steps before, 4.0000/)
})

t.test('a loss that is next to nothing may grow', async t => {
  t.equal(reasonOf([...times(5, 0.01), ...times(20, 0.4)]), undefined)
  t.ok(reasonOf([...times(5, 0.01), ...times(8, 0.6)]))
})

t.test('steps of the warm-up are not judged', async t => {
  t.equal(reasonOf([1, ...times(8, 5)], 9), undefined)
  t.equal(reasonOf([1, ...times(8, 5)], 2), undefined, 'yet the median counts them')
  t.ok(reasonOf([1, 1, 1, ...times(8, 5)], 2))
})

t.test('no number is told at once', async t => {
  t.equal(reasonOf([1, Number.NaN]), 'loss NaN')
  t.equal(reasonOf([Number.POSITIVE_INFINITY]), 'loss Infinity')
})

t.test('the median is of the last 32 steps, and not of those in doubt', async t => {
  const history = judge([...times(64, 9), ...times(40, 1), 20, 20]).at(-1)?.history
  t.equal(history?.losses.length, 32)
  t.equal(history?.streak, 2)
  t.equal(median(history?.losses ?? []), 1)
  t.strictSame([median([3, 1, 2]), median([4, 1, 3, 2]), median([])], [2, 2.5, Number.NaN])
})
