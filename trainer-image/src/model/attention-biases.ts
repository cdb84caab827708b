/** Which keys a query sees, as what is added to its scores. B rows, T tokens. */
import { type QueryBlock, queryBlocks } from '../autodiff/composites/attention.ts'
import { MASKED } from '../autodiff/composites/attention-block.ts'
import { keysDimension } from '../autodiff/composites/keys-dimension.ts'
import type { GraphBuilder } from '../graph/build.ts'
import type { Value } from '../graph/node.ts'
import { and, equal, greaterOrEqual, max, sub, where } from '../graph/operators/elementwise.ts'
import { reshape, slice, sliceFrom } from '../graph/operators/movement.ts'
import { reduceMax } from '../graph/operators/reduce.ts'

export type SeenOptions = {
  /** of queries; the attention's own if absent */
  readonly block?: number | undefined
  /** tokens that one sees, itself included; all before it if absent */
  readonly window?: number | undefined
}

export type Packing = {
  /** (B, T) int32 document within the row */
  readonly segments: Value
  /** (B, T) int64 position within the document */
  readonly positions: Value
}

export type SeenKeys = {
  /** per query block (B, 1, 1, end - start, keys) */
  readonly biases: readonly Value[]
  /** of each block but the first (1) int64: the first key that a query of it sees, in any of the rows */
  readonly firstKeys: readonly Value[]
}

const int64 = (g: GraphBuilder, value: number): Value => g.constant('int64', [value])

/** Where the document of the block's first query starts, in the row in which that is furthest back. */
const firstKeyOf = (g: GraphBuilder, positions: Value, { from, start }: QueryBlock): Value => {
  const at = slice(g, positions, { axis: 1, start, end: start + 1 })
  const furthest = reshape(g, reduceMax(g, at, [0, 1]), [1])
  return max(g, sub(g, int64(g, start), furthest), int64(g, from))
}

const indices = (g: GraphBuilder, start: number, end: number, shape: readonly number[]): Value =>
  g.constant(
    'int32',
    Int32Array.from({ length: end - start }, (_, i) => start + i),
    shape,
  )

/** x: (n, end - from) @returns (n, keys), from the first key on where it is known only when the graph runs */
const fromFirst = (g: GraphBuilder, x: Value, block: QueryBlock, firstKey?: Value): Value => {
  if (!firstKey) return x
  const start = sub(g, firstKey, int64(g, block.from))
  const dimension = keysDimension(block)
  return sliceFrom(g, x, { axis: 1, start, end: block.end - block.from, dimension })
}

/** A token sees the tokens of its own document up to itself; keys that no query of a block sees are left out. */
export const seenKeys = (
  g: GraphBuilder,
  { segments, positions }: Packing,
  length: number,
  { block, window }: SeenOptions = {},
): SeenKeys => {
  const [rows] = segments.shape
  const [visible, hidden] = [g.scalar('float32', 0), g.scalar('float32', MASKED)]
  const biasOf = (queryBlock: QueryBlock, firstKey?: Value): Value => {
    const { from, start, end } = queryBlock
    const n = end - start
    const queries = reshape(g, slice(g, segments, { axis: 1, start, end }), [rows!, 1, 1, n, 1])
    const all = slice(g, segments, { axis: 1, start: from, end })
    const seen = fromFirst(g, all, queryBlock, firstKey)
    const keys = reshape(g, seen, [rows!, 1, 1, 1, seen.shape[1]!])
    const at = indices(g, start, end, [n, 1])
    const of = fromFirst(g, indices(g, from, end, [1, end - from]), queryBlock, firstKey)
    const same = and(g, equal(g, queries, keys), greaterOrEqual(g, at, of))
    if (window === undefined) return where(g, same, visible, hidden)
    const first = indices(g, start - window + 1, end - window + 1, [n, 1])
    return where(g, and(g, same, greaterOrEqual(g, of, first)), visible, hidden)
  }
  const blocks = queryBlocks(length, block, window)
  const firstKeys = blocks.slice(1).map(other => firstKeyOf(g, positions, other))
  return { biases: blocks.map((each, i) => biasOf(each, firstKeys[i - 1])), firstKeys }
}
