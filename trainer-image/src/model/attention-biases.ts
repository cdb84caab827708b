/** Which keys a query sees, as what is added to its scores. B rows, T tokens. */
import { queryBlocks } from '../autodiff/composites/attention.ts'
import type { GraphBuilder } from '../graph/build.ts'
import type { Value } from '../graph/node.ts'
import { and, equal, greaterOrEqual, where } from '../graph/operators/elementwise.ts'
import { reshape, slice } from '../graph/operators/movement.ts'

/** Added to a score that must not count; finite, so that no row can become NaN. */
const MASKED = -1e30

export type BiasOptions = {
  /** of queries; the attention's own if absent */
  readonly block?: number | undefined
  /** tokens that one sees, itself included; all before it if absent */
  readonly window?: number | undefined
}

/**
 * A token sees the tokens of its own document up to itself.
 * @param segments (B, T) document within the row
 * @returns per query block (B, 1, 1, end - start, end - from)
 */
export const attentionBiases = (
  g: GraphBuilder,
  segments: Value,
  length: number,
  { block, window }: BiasOptions = {},
): readonly Value[] => {
  const [rows] = segments.shape
  const indices = (start: number, end: number, shape: readonly number[]) =>
    g.constant(
      'int32',
      Int32Array.from({ length: end - start }, (_, i) => start + i),
      shape,
    )
  const [visible, hidden] = [g.scalar('float32', 0), g.scalar('float32', MASKED)]
  return queryBlocks(length, block, window).map(({ from, start, end }) => {
    const [n, m] = [end - start, end - from]
    const queries = reshape(g, slice(g, segments, { axis: 1, start, end }), [rows!, 1, 1, n, 1])
    const keys = reshape(g, slice(g, segments, { axis: 1, start: from, end }), [rows!, 1, 1, 1, m])
    const [at, of] = [indices(start, end, [n, 1]), indices(from, end, [1, m])]
    const causal = greaterOrEqual(g, at, of)
    const same = and(g, equal(g, queries, keys), causal)
    // the first key in the window of each query
    const first =
      window === undefined ? undefined : indices(start - window + 1, end - window + 1, [n, 1])
    return where(g, first ? and(g, same, greaterOrEqual(g, of, first)) : same, visible, hidden)
  })
}
