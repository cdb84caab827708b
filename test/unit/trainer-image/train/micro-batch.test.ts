import t from 'tap'
import {
  countTargets,
  countTokens,
  toMicroBatch,
} from '../../../../trainer-image/src/train/micro-batch.ts'
import { aRow } from '../../../fixtures/a-row.ts'

const short = aRow(128, { tokens: [5, 6, 7], answer: 1 }, { tokens: [8, 9], answer: 2 })
const long = aRow(128, { tokens: Array.from({ length: 70 }, (_, index) => index + 1), answer: 2 })

t.test('a target is predicted from the token before it', async t => {
  const batch = toMicroBatch([short])
  t.strictSame([...batch.targetPositions], [1, 3])
  t.strictSame([...batch.targetTokens], [7, 9], 'the first token of a document is none')
})

t.test('rows are cut to the longest, in steps of 64', async t => {
  t.equal(toMicroBatch([short]).length, 64)
  const both = toMicroBatch([short, long])
  t.equal(both.length, 128)
  t.equal(both.rows, 2)
  t.strictSame(
    [...both.targetPositions],
    [1, 3, 128 + 67, 128 + 68],
    'positions count over whole rows',
  )
  t.equal(both.tokens[128], 1, 'the second row starts at T')
})

t.test('padding is neither counted nor attended', async t => {
  t.equal(countTokens(short), 5)
  t.equal(countTargets(short), 2)
  t.strictSame([...toMicroBatch([short]).segments.subarray(0, 7)], [1, 1, 1, 2, 2, 0, 0])
})
