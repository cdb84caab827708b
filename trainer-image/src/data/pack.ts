/** Best-fit decreasing: the longest document first, each into the fullest row that still holds it. */

/** Rows as document numbers: row r holds `documents[starts[r]]` up to `documents[starts[r + 1]]`. */
export type Packing = {
  readonly rows: number
  readonly documents: Int32Array
  readonly starts: Int32Array
}

const longestFirst = (lengths: Int32Array): Int32Array => {
  const order = Int32Array.from(lengths.keys())
  const of = (document: number) => lengths[document] ?? 0
  return order.sort((a, b) => of(b) - of(a) || a - b)
}

/** Open rows by free space: stacks of rows, and a tree that finds the smallest space that is large enough. */
const createFreeSpaces = (sequenceLength: number, maxRows: number) => {
  const leaves = 2 ** Math.ceil(Math.log2(sequenceLength + 1))
  /** rows below this node of the tree; node n has the children 2n and 2n + 1 */
  const open = new Int32Array(2 * leaves)
  const top = new Int32Array(sequenceLength + 1).fill(-1)
  const below = new Int32Array(maxRows)
  const count = (space: number, change: 1 | -1) => {
    for (let node = leaves + space; node >= 1; node >>= 1) open[node] = (open[node] ?? 0) + change
  }
  const firstFrom = (node: number): number => {
    let found = node
    while (found < leaves) found = (open[2 * found] ?? 0) > 0 ? 2 * found : 2 * found + 1
    return found - leaves
  }
  return {
    put(row: number, space: number) {
      below[row] = top[space] ?? -1
      top[space] = row
      count(space, 1)
    },
    /** @returns the row with the least space of at least `length`, taken out, or undefined */
    take(length: number): { readonly row: number; readonly space: number } | undefined {
      let node = leaves + length
      while ((open[node] ?? 0) === 0) {
        // the next subtree to the right: up past right children, then the sibling
        while (node % 2 === 1) node >>= 1
        if (node === 0) return undefined
        node += 1
      }
      const space = firstFrom(node)
      const row = top[space] ?? -1
      top[space] = below[row] ?? -1
      count(space, -1)
      return { row, space }
    },
  }
}

const group = (order: Int32Array, rowOf: Int32Array, rows: number): Packing => {
  const starts = new Int32Array(rows + 1)
  for (const row of rowOf) starts[row + 1] = (starts[row + 1] ?? 0) + 1
  for (let row = 0; row < rows; row++) starts[row + 1] = (starts[row + 1] ?? 0) + (starts[row] ?? 0)
  const next = starts.slice()
  const documents = new Int32Array(order.length)
  for (const document of order) {
    const row = rowOf[document] ?? 0
    const place = next[row] ?? 0
    documents[place] = document
    next[row] = place + 1
  }
  return { rows, documents, starts }
}

/** @param lengths tokens of each document, 1 … sequenceLength */
export const packBestFit = (lengths: Int32Array, sequenceLength: number): Packing => {
  const order = longestFirst(lengths)
  const rowOf = new Int32Array(lengths.length)
  const spaces = createFreeSpaces(sequenceLength, lengths.length)
  let rows = 0
  for (const document of order) {
    const length = lengths[document] ?? 0
    const { row, space } = spaces.take(length) ?? { row: rows++, space: sequenceLength }
    rowOf[document] = row
    spaces.put(row, space - length)
  }
  return group(order, rowOf, rows)
}

/** Without packing: one document per row, in reading order. */
export const oneEach = (lengths: Int32Array): Packing => ({
  rows: lengths.length,
  documents: Int32Array.from(lengths.keys()),
  starts: Int32Array.from({ length: lengths.length + 1 }, (_, index) => index),
})
