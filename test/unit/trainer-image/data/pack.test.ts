import { oneEach, type Packing, packBestFit } from '@attune/trainer/data/pack.ts'
import fc from 'fast-check'
import t from 'tap'

const rowsOf = ({ rows, documents, starts }: Packing) =>
  Array.from({ length: rows }, (_, row) => [...documents.subarray(starts[row], starts[row + 1])])

/** The same rule, slowly: longest first, into the fullest row that still holds it. */
const slowly = (lengths: readonly number[], T: number): number[] => {
  const spaces: number[] = []
  for (const length of lengths.toSorted((a, b) => b - a)) {
    let best = -1
    spaces.forEach((space, row) => {
      if (space >= length && (best < 0 || space < (spaces[best] ?? 0))) best = row
    })
    if (best < 0) best = spaces.push(T) - 1
    spaces[best] = (spaces[best] ?? 0) - length
  }
  return spaces.toSorted((a, b) => a - b)
}

t.test('the longest goes first, into the fullest row that holds it', async t => {
  t.same(rowsOf(packBestFit(Int32Array.of(5, 3, 8, 2, 2), 10)), [
    [2, 4],
    [0, 1, 3],
  ])
  t.same(rowsOf(packBestFit(Int32Array.of(), 10)), [])
  t.same(rowsOf(packBestFit(Int32Array.of(10, 10), 10)), [[0], [1]])
})

t.test('without packing a row is a document, in reading order', async t => {
  t.same(rowsOf(oneEach(Int32Array.of(5, 3, 8))), [[0], [1], [2]])
})

t.test(
  'every document is in one row, no row is over its length, and the fill is that of the plain rule',
  async () => {
    const inputs = fc
      .integer({ min: 1, max: 70 })
      .chain(T =>
        fc.tuple(fc.constant(T), fc.array(fc.integer({ min: 1, max: T }), { maxLength: 60 })),
      )
    fc.assert(
      fc.property(inputs, ([T, lengths]) => {
        const rows = rowsOf(packBestFit(Int32Array.from(lengths), T))
        const spaces = rows.map(row => T - row.reduce((sum, doc) => sum + (lengths[doc] ?? 0), 0))
        const once = rows.flat().toSorted((a, b) => a - b)
        return (
          spaces.every(space => space >= 0) &&
          JSON.stringify(once) === JSON.stringify([...lengths.keys()]) &&
          JSON.stringify(spaces.toSorted((a, b) => a - b)) === JSON.stringify(slowly(lengths, T))
        )
      }),
      { numRuns: 300 },
    )
  },
)
