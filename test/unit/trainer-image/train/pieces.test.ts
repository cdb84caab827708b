import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { halved, pinPieces } from '../../../../trainer-image/src/train/pieces.ts'

const planned = {
  modelParameters: 1,
  trainableParameters: 1,
  totalSteps: 1,
  tokensPerStep: 1,
  microBatchSize: 8,
  recompute: false,
  estimatedMemoryBytes: 1,
  estimatedSeconds: 1,
  fits: true,
}

/** Planning goes through graphs, for seconds where memory is short. */
const neverAsked = () => {
  throw new Error('a start that follows another plans nothing')
}

t.test('what the first start chose stays', async t => {
  const path = join(t.testdir({}), 'pieces.json')
  const first = { microBatchSize: 8, recompute: false, threads: 4 }
  t.strictSame(await pinPieces(path, () => planned, 4), first)
  const other = { ...planned, microBatchSize: 2, recompute: true }
  t.strictSame(await pinPieces(path, neverAsked, 2), first)
  for (const damaged of ['{"microBatchSize":', '{"microBatchSize":8,"recompute":false}']) {
    await writeFile(path, damaged)
    t.strictSame((await pinPieces(path, () => other, 2)).microBatchSize, 2)
    t.match(await readFile(path, 'utf8'), '"threads":2', 'a damaged choice is made anew')
  }
})

t.test(
  'how many layers are recomputed is kept, and what earlier versions wrote is read',
  async t => {
    const path = join(t.testdir({}), 'pieces.json')
    const some = { ...planned, recompute: true, recomputedLayers: 7 }
    t.match(await pinPieces(path, () => some, 4), { recompute: 7 })
    t.match(await pinPieces(path, () => planned, 4), { recompute: 7 })
    await writeFile(path, '{"microBatchSize":8,"recompute":true,"threads":4}')
    t.match(await pinPieces(path, () => some, 4), { recompute: true })
    await writeFile(path, '{"microBatchSize":8,"recompute":-1,"threads":4}')
    t.match(await pinPieces(path, () => planned, 4), { recompute: false })
  },
)

t.test('each kill halves the micro-batch, down to one row', t => {
  const table: readonly (readonly [size: number, times: number, left: number])[] = [
    [16, 0, 16],
    [16, 1, 8],
    [16, 4, 1],
    [16, 5, 1],
    [6, 1, 3],
    [6, 2, 1],
    [1, 1, 1],
    [65_536, 32, 1],
  ]
  for (const [microBatchSize, times, left] of table)
    t.strictSame(
      halved({ microBatchSize, recompute: true, threads: 2 }, times),
      { microBatchSize: left, recompute: true, threads: 2 },
      `${microBatchSize} halved ${times} times`,
    )
  t.end()
})
