import t from 'tap'
import { vocabularyRanges } from '../../../../trainer-image/src/autodiff/composites/vocabulary-ranges.ts'

t.test(
  'logits of a block have at most 2^20 elements, in ranges that follow each other',
  async t => {
    for (const [vocabulary, targets, blocks, last] of [
      [49_152, 512, 24, 2048],
      [49_152, 1024, 48, 1024],
      [49_152, 1000, 48, 1024],
      [50_000, 1024, 49, 848],
      [128_256, 2048, 251, 256],
      [64, 16, 1, 64],
    ] as const) {
      const ranges = vocabularyRanges(vocabulary, targets)
      t.equal(ranges.length, blocks, `${vocabulary} tokens, ${targets} targets`)
      t.equal(ranges.at(-1)!.end - ranges.at(-1)!.start, last)
      t.equal(ranges.at(-1)!.end, vocabulary)
      t.ok(ranges.every(({ start }, i) => start === (ranges[i - 1]?.end ?? 0)))
      t.ok(ranges.every(({ start, end }) => (end - start) * targets <= 2 ** 20))
    }
  },
)

t.test('a block has no fewer than 512 tokens, however many the targets', async t => {
  t.strictSame(vocabularyRanges(1000, 2 ** 20), [
    { start: 0, end: 512 },
    { start: 512, end: 1000 },
  ])
})
