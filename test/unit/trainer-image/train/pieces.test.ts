import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import {
  halvedFrom,
  halvePieces,
  isPieces,
  microBatchAt,
  type Pieces,
  pinPieces,
} from '../../../../trainer-image/src/train/pieces.ts'

const planned = { microBatchSize: 8, recompute: 0, threads: 4, replicas: 2 }

/** Planning goes through graphs, for seconds where memory is short. */
const neverAsked = () => {
  throw new Error('a start that follows another plans nothing')
}

t.test('what the first start chose stays', async t => {
  const path = join(t.testdir({}), 'pieces.json')
  t.strictSame(await pinPieces(path, () => planned), planned)
  const other = { ...planned, microBatchSize: 2, recompute: 7, threads: 2 }
  t.strictSame(await pinPieces(path, neverAsked), planned)
  for (const damaged of ['{"microBatchSize":', '{"microBatchSize":8,"recompute":false}']) {
    await writeFile(path, damaged)
    t.strictSame(await pinPieces(path, () => other), other)
    t.match(await readFile(path, 'utf8'), '"threads":2', 'a damaged choice is made anew')
  }
})

t.test('what earlier versions wrote is read, and what cannot be is made anew', async t => {
  const path = join(t.testdir({}), 'pieces.json')
  await writeFile(path, '{"microBatchSize":8,"recompute":true,"threads":4}')
  const earlier = { microBatchSize: 8, recompute: true, threads: 4 }
  t.strictSame(await pinPieces(path, neverAsked), earlier)
  for (const wrong of [
    { recompute: -1 },
    { replicas: 0 },
    { replicas: 3 },
    { replicas: 16, threads: 16 },
    { replicas: '2' },
  ]) {
    await writeFile(path, JSON.stringify({ ...planned, ...wrong }))
    t.strictSame(await pinPieces(path, () => planned), planned, JSON.stringify(wrong))
  }
})

const FIRST = { microBatchSize: 16, recompute: true, threads: 2 }
const pieces = (microBatchSize: number, ...changes: readonly (readonly [number, number])[]) => ({
  ...FIRST,
  microBatchSize,
  ...(changes.length > 0
    ? { changes: changes.map(([afterSteps, size]) => ({ afterSteps, microBatchSize: size })) }
    : {}),
})

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
  for (const [size, times, left] of table)
    t.strictSame(
      microBatchAt(halvedFrom(pieces(size), 0, times), 0),
      left,
      `${size} halved ${times} times`,
    )
  t.end()
})

t.test('steps that are done keep what they were computed with', t => {
  const table: Record<string, [before: Pieces, step: number, times: number, after: Pieces]> = {
    'nothing to halve': [pieces(16), 4, 0, pieces(16)],
    'from the first step': [pieces(16), 0, 1, pieces(16, [0, 8])],
    'from a checkpoint': [pieces(16), 4, 1, pieces(16, [4, 8])],
    twice: [pieces(16, [4, 8]), 6, 2, pieces(16, [4, 8], [6, 4])],
    'twice from the same checkpoint': [pieces(16, [4, 8]), 4, 2, pieces(16, [4, 4])],
    'from an older checkpoint, the newer being damaged': [
      pieces(16, [4, 8]),
      2,
      1,
      pieces(16, [2, 8]),
    ],
    'and what was smaller later stays so': [pieces(16, [4, 2]), 2, 1, pieces(16, [2, 8], [4, 2])],
    'a further start': [pieces(16, [4, 8]), 6, 1, pieces(16, [4, 8])],
    'a start that knows of no kill': [pieces(16, [4, 8]), 0, 0, pieces(16, [4, 8])],
    'one row': [pieces(1), 4, 3, pieces(1)],
  }
  for (const [name, [before, step, times, after]] of Object.entries(table))
    t.strictSame(halvedFrom(before, step, times), after, name)
  const twice = pieces(16, [4, 8], [6, 4])
  t.same(
    [0, 3, 4, 5, 6, 100].map(step => microBatchAt(twice, step)),
    [16, 16, 8, 8, 4, 4],
  )
  t.end()
})

t.test('a halving is noted with the step that it begins at', async t => {
  const path = join(t.testdir({}), 'pieces.json')
  await pinPieces(path, () => planned)
  const halved = await halvePieces(path, await pinPieces(path, neverAsked), 3, 1)
  t.same(halved.changes, [{ afterSteps: 3, microBatchSize: 4 }])
  t.strictSame(await pinPieces(path, neverAsked), halved)
  t.strictSame(await halvePieces(path, halved, 5, 0), halved)
})

t.test('changes that nobody can have noted are no pieces', t => {
  const [four, six] = [4, 6].map(afterSteps => ({ afterSteps, microBatchSize: 2 }))
  const table: readonly (readonly [changes: unknown, expected: boolean])[] = [
    [undefined, true],
    [[], true],
    [[four, six], true],
    [[six, four], false],
    [[four, four], false],
    [[{ afterSteps: -1, microBatchSize: 2 }], false],
    [[{ afterSteps: 4, microBatchSize: 0 }], false],
    [[{ afterSteps: 1.5, microBatchSize: 2 }], false],
    [[null], false],
    [{ length: 1, 0: four }, false],
    ['4', false],
  ]
  for (const [changes, expected] of table)
    t.equal(isPieces({ ...FIRST, changes }), expected, JSON.stringify(changes))
  t.end()
})
