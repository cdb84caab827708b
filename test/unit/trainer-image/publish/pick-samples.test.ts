import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { pickSamples } from '../../../../trainer-image/src/publish/pick-samples.ts'

const aSample = (slice: string, base: number, tuned: number, text = 'x') => ({
  suite: 'held-out',
  id: `${slice} ${base} ${tuned}`,
  slice,
  prompt: text,
  reference: text,
  base: text,
  tuned: text,
  scores: { exactMatch: { base, tuned } },
})

const pick = async (t: Test, samples: readonly unknown[]) => {
  const path = join(t.testdir(), 'samples.jsonl')
  await writeFile(path, samples.map(sample => `${JSON.stringify(sample)}\n`).join(''))
  return pickSamples(path)
}

t.test('shows the largest gains and the lowest scores, one of each slice first', async t => {
  const { best, worst, counts } = await pick(t, [
    aSample('a', 0, 0.5),
    aSample('a', 0, 1),
    aSample('a', 0, 0.9),
    aSample('b', 0.2, 1),
    aSample('b', 0.5, 0.1),
    aSample('c', 1, 1),
  ])
  t.same(
    best.map(({ id }) => id),
    ['a 0 1', 'b 0.2 1', 'a 0 0.9', 'a 0 0.5'],
  )
  t.same(
    worst.map(({ id }) => id),
    ['b 0.5 0.1', 'a 0 0.5', 'a 0 0.9'],
  )
  t.same(counts, { 'held-out': { a: 3, b: 2, c: 1 } })
})

t.test('shows five of many, and counts all', async t => {
  const samples = Array.from({ length: 1000 }, (_, index) => aSample('all', 0, index / 1000))
  const { best, worst, counts } = await pick(t, samples)
  t.same(
    best.map(({ scores }) => scores['exactMatch']?.tuned),
    [0.999, 0.998, 0.997, 0.996, 0.995],
  )
  t.same(
    worst.map(({ scores }) => scores['exactMatch']?.tuned),
    [0, 0.001, 0.002, 0.003, 0.004],
  )
  t.same(counts, { 'held-out': { all: 1000 } })
})

t.test('cuts long texts and passes over lines that are no samples', async t => {
  const { best } = await pick(t, [{ suite: 1 }, null, aSample('a', 0, 1, 'y'.repeat(10_000))])
  t.equal(best.length, 1)
  t.equal(best[0]?.prompt.length, 3002)
})
