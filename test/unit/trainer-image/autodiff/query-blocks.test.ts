import t from 'tap'
import { queryBlocks } from '../../../../trainer-image/src/autodiff/composites/attention.ts'

t.test('a block of queries reads the keys up to its own end', async t => {
  t.strictSame(queryBlocks(300, 128), [
    { from: 0, start: 0, end: 128 },
    { from: 0, start: 128, end: 256 },
    { from: 0, start: 256, end: 300 },
  ])
})

t.test('with a window none before the first that its first query sees', async t => {
  t.strictSame(queryBlocks(300, 128, 40), [
    { from: 0, start: 0, end: 128 },
    { from: 89, start: 128, end: 256 },
    { from: 217, start: 256, end: 300 },
  ])
  t.strictSame(queryBlocks(300, 128, 300), queryBlocks(300, 128))
  t.ok(queryBlocks(4096, 128, 512).every(({ from, end }) => end - from <= 512 + 127))
})
