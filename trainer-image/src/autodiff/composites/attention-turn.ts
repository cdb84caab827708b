/**
 * A turn of attention's loop over a long row: its block of queries, and the keys that they see.
 * B rows, K key-value heads, G query heads of each, T tokens, D head size, S queries and L keys of the turn.
 */
import type { GraphBuilder } from '../../graph/build.ts'
import type { Value } from '../../graph/node.ts'
import {
  add,
  and,
  equal,
  greaterOrEqual,
  max,
  mul,
  sub,
  where,
} from '../../graph/operators/elementwise.ts'
import { concat, reshape, sliceFrom } from '../../graph/operators/movement.ts'
import { reduceMax } from '../../graph/operators/reduce.ts'
import { known } from '../../graph/shapes.ts'
import { type Block, MASKED } from './attention-block.ts'
import { keysDimension } from './keys-dimension.ts'

/** Of a layer's attention. */
export type Settings = {
  /** S */
  readonly size: number
  readonly window: number | undefined
  readonly scale: number
  readonly softcap: number | undefined
}

export type Range = {
  readonly start: Value
  readonly end: Value
  readonly firstKey: Value
  /** name of the number of keys, which is known only when the graph runs */
  readonly keys: string
}

/** Of a turn: its queries, and the first key that one of them sees, each (1) int64. */
export const rangeOf = (
  g: GraphBuilder,
  index: Value,
  positions: Value,
  { size, window }: Settings,
): Range => {
  const int64 = (value: number) => g.constant('int64', [value])
  const start = mul(g, reshape(g, index, [1]), int64(size))
  const end = add(g, start, int64(size))
  const next = add(g, start, int64(1))
  const at = sliceFrom(g, positions, { axis: 1, start, end: next, dimension: 1 })
  const [, length] = known(positions.shape) as [number, number]
  const most = Math.min(length, (window ?? length) + size - 1)
  const keys = keysDimension({ from: 0, end: most })
  const document = sub(g, start, reshape(g, reduceMax(g, at, [0, 1]), [1]))
  const own = max(g, document, int64(0))
  if (window === undefined) return { start, end, keys, firstKey: own }
  return { start, end, keys, firstKey: max(g, own, sub(g, next, int64(window))) }
}

/** @returns (B, 1, 1, S, L) */
const biasOf = (
  g: GraphBuilder,
  segments: Value,
  { start, end, firstKey, keys: count }: Range,
  { size, window }: Settings,
): Value => {
  const [rows, length] = known(segments.shape) as [number, number]
  const indices = g.constant(
    'int32',
    Int32Array.from({ length }, (_, i) => i),
  )
  const queries = { start, end, dimension: size }
  const keys = { start: firstKey, end, dimension: count }
  const ofQueries = reshape(g, sliceFrom(g, segments, { axis: 1, ...queries }), [
    rows,
    1,
    1,
    size,
    1,
  ])
  const ofKeys = reshape(g, sliceFrom(g, segments, { axis: 1, ...keys }), [rows, 1, 1, 1, count])
  const at = reshape(g, sliceFrom(g, indices, { axis: 0, ...queries }), [size, 1])
  const of = reshape(g, sliceFrom(g, indices, { axis: 0, ...keys }), [1, count])
  const causal = and(g, equal(g, ofQueries, ofKeys), greaterOrEqual(g, at, of))
  const seen =
    window === undefined
      ? causal
      : and(g, causal, greaterOrEqual(g, of, sub(g, at, g.scalar('int32', window - 1))))
  return where(g, seen, g.scalar('float32', 0), g.scalar('float32', MASKED))
}

/** x: (B, K, G, T, …) @returns the turn's, (B, K, G·S, …) */
export const queriesOf = (
  g: GraphBuilder,
  x: Value,
  { start, end }: Range,
  size: number,
): Value => {
  const [b, k, groups, , d] = x.shape
  const rows = sliceFrom(g, x, { axis: 3, start, end, dimension: size })
  return reshape(g, rows, [b!, k!, known([groups!])[0]! * size, d!])
}

export const keysOf = (g: GraphBuilder, x: Value, { firstKey, end, keys }: Range): Value =>
  sliceFrom(g, x, { axis: 2, start: firstKey, end, dimension: keys })

type Attended = {
  /** (B, K, G, T, D) */
  readonly q: Value
  /** (B, K, T, D) */
  readonly k: Value
  /** (B, T) int32 document within the row */
  readonly segments: Value
}

export const blockOf = (
  g: GraphBuilder,
  range: Range,
  { q, k, segments }: Attended,
  settings: Settings,
): Block => ({
  q: queriesOf(g, q, range, settings.size),
  k: keysOf(g, k, range),
  bias: biasOf(g, segments, range, settings),
  scale: settings.scale,
  ...(settings.softcap === undefined ? {} : { softcap: settings.softcap }),
})

/** Zeros before the block's first key and behind its last. */
export const padded = (g: GraphBuilder, x: Value, { firstKey, end }: Range, like: Value): Value => {
  const length = known([like.shape[2]!])[0]!
  const int64s = (...values: number[]) => g.constant('int64', values)
  const behind = sub(g, int64s(length), end)
  const pads = concat(g, [int64s(0, 0), firstKey, int64s(0, 0, 0), behind, int64s(0)], 0)
  const outputs = [{ type: like.type, shape: like.shape }]
  return g.node({ operator: 'Pad', inputs: [x, pads], outputs })[0]!
}
