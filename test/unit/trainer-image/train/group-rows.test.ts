import t from 'tap'
import type { Row } from '../../../../trainer-image/src/data/prepared.ts'
import { byTokens, groupingOf, inGroups } from '../../../../trainer-image/src/train/group-rows.ts'
import { lengthOf, usedLength } from '../../../../trainer-image/src/train/micro-batch.ts'
import { aRow } from '../../../fixtures/a-row.ts'

const T = 512
const rowOf = (length: number, id = 1) =>
  aRow(T, { tokens: Array.from({ length }, () => id), answer: 1 })
const lengths = (groups: readonly (readonly Row[])[]) => groups.map(group => group.map(usedLength))

t.test('groups keep the order and the remainder', async t => {
  t.strictSame(inGroups([1, 2, 3, 4, 5], 2), [[1, 2], [3, 4], [5]])
})

t.test('rows of like length are computed together, the longest first', async t => {
  const rows = [100, 500, 120, 60, 300, 110, 90, 280].map(length => rowOf(length))
  t.strictSame(lengths(byTokens(rows, 1024)), [
    [500, 300],
    [280, 120],
    [110, 100, 90, 60],
  ])
})

t.test('no group has more tokens than it may, and none is lost', async t => {
  const drawn = Array.from({ length: 61 }, (_, i) => 1 + ((i * 7919) % T))
  const rows = drawn.map((length, i) => rowOf(length, i + 1))
  for (const maxTokens of [512, 1000, 2048, 10_000, 1e6]) {
    const groups = byTokens(rows, maxTokens)
    for (const group of groups)
      t.ok(group.length === 1 || group.length * lengthOf(group) <= maxTokens, `${maxTokens}`)
    const ids = groups.flat().map(row => row.tokens[0] ?? 0)
    t.strictSame(
      ids.toSorted((a, b) => a - b),
      rows.map((_, i) => i + 1),
    )
    t.strictSame(groups.flat(), byTokens(rows, 512).flat(), 'in the same order whatever fits')
  }
  t.strictSame(byTokens([], 512), [])
})

t.test('packed rows stay in the order in which the epoch has them', async t => {
  const rows = [10, 500, 20].map(length => rowOf(length))
  const options = { microBatchSize: 2, sequenceLength: T }
  const packed = groupingOf({ ...options, packing: true })
  t.strictSame(lengths(packed.group(rows)), [[10, 500], [20]])
  t.equal(packed.window % 2, 0, 'a window holds whole micro-batches')
  const plain = groupingOf({ ...options, packing: false })
  t.strictSame(lengths(plain.group(rows)), [[500, 20], [10]])
})
