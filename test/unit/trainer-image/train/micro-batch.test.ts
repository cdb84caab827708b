import t from 'tap'
import {
  computedLength,
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

t.test('rows of more than 2,048 tokens are filled up to whole blocks of attention', async t => {
  const cases = { 2047: 2047, 2048: 2048, 2049: 2176, 4096: 4096, 8191: 8192 }
  for (const [tokens, computed] of Object.entries(cases))
    t.equal(computedLength(Number(tokens)), computed)
  const batch = toMicroBatch([
    aRow(2100, { tokens: Array.from({ length: 2090 }, () => 7), answer: 2 }),
  ])
  t.match(batch, { length: 2176, tokens: { length: 2176 }, segments: { length: 2176 } })
  t.strictSame([...batch.targetPositions], [2087, 2088])
  t.ok(batch.segments.subarray(2090).every(segment => segment === 0))
})

t.test('padding is neither counted nor attended', async t => {
  t.equal(countTokens(short), 5)
  t.equal(countTargets(short), 2)
  t.strictSame([...toMicroBatch([short]).segments.subarray(0, 7)], [1, 1, 1, 2, 2, 0, 0])
})
