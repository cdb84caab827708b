/**
 * Attention in long rows, as in attention.ts, but block by block in a loop: a turn's memory is free at its end, so that
 * memory grows with the length and not with its square, and the graph does not grow. Which keys a query sees is made
 * out turn by turn, too. Against a graph with all blocks written out a turn costs some copies.
 * B rows, K key-value heads, G query heads of each, T tokens, D head size, S queries of a block.
 */
import type { GraphBuilder } from '../../graph/build.ts'
import { type Attributes, float, int, type Value } from '../../graph/node.ts'
import { add, mul } from '../../graph/operators/elementwise.ts'
import { loop } from '../../graph/operators/loop.ts'
import { matMul } from '../../graph/operators/matrix.ts'
import { reshape, transpose } from '../../graph/operators/movement.ts'
import { reduceSum } from '../../graph/operators/reduce.ts'
import { known } from '../../graph/shapes.ts'
import { inputOf, numberOf, outputOf, type Row } from '../row.ts'
import { zerosLike } from '../shape-of.ts'
import { attendedAtOnce, blockGradient, scoresOf } from './attention-block.ts'
import { blockOf, keysOf, padded, queriesOf, rangeOf, type Settings } from './attention-turn.ts'

/** Queries of a block, as in attention.ts; a long row has a multiple of them. */
export const TURN = 128
/** Tokens of a row whose blocks are all written out in the graph: at 2,048 that is 3 % faster than a loop. */
export const MAX_WRITTEN_OUT = 2048

type LongAttentionInputs = {
  /** (B, K, G, T, D) */
  readonly q: Value
  /** (B, K, T, D) */
  readonly k: Value
  readonly v: Value
  /** (B, T) int32 document within the row */
  readonly segments: Value
  /** (B, T) int64 position within the document */
  readonly positions: Value
  /** tokens that a query sees, its own included; all before it if absent */
  readonly window?: number
  /** of the product of query and key; 1 / √D if absent */
  readonly scale?: number
  readonly softcap?: number
  /** queries of a block */
  readonly block?: number
  /** by ONNX's operator Attention, which is faster on the CPU, but caps no scores as Gemma does */
  readonly isFused?: boolean
}

const turnsOf = (q: Value, size: number): number => known([q.shape[3]!])[0]! / size

/** @returns (B, T, K, G, D) */
const forward = (g: GraphBuilder, inputs: LongAttentionInputs, settings: Settings): Value => {
  const { q, k, v, segments, positions, isFused, softcap } = inputs
  const { size } = settings
  const [b, heads, groups, length, d] = q.shape as readonly number[]
  const { stacked } = loop(
    g,
    { turns: turnsOf(q, size), reads: [q, k, v, segments, positions], carried: [] },
    ({ g: inner, index, reads }) => {
      const [q, k, v, segments, positions] = reads
      const range = rangeOf(inner, index, positions, settings)
      const block = blockOf(inner, range, { q, k, segments }, settings)
      const values = keysOf(inner, v, range)
      const out =
        isFused && softcap === undefined
          ? attendedAtOnce(inner, block, values)
          : matMul(inner, scoresOf(inner, block).probabilities, values)
      const byHead = reshape(inner, out, [b!, heads!, groups!, size, d!])
      return { carried: [], stacked: [transpose(inner, byHead, [0, 3, 1, 2, 4])] }
    },
  )
  const byRow = transpose(g, stacked[0]!, [1, 0, 2, 3, 4, 5])
  return reshape(g, byRow, [b!, length!, heads!, groups!, d!])
}

const attributesOf = ({ size, window, scale, softcap }: Settings): Attributes => ({
  size: int(size),
  scale: float(scale),
  ...(window === undefined ? {} : { window: int(window) }),
  ...(softcap === undefined ? {} : { softcap: float(softcap) }),
})

/** @returns (B, T, K, G, D) */
export const longAttention = (g: GraphBuilder, inputs: LongAttentionInputs): Value => {
  const { q, k, v, segments, positions, window, softcap } = inputs
  const [, , , length, d] = known(q.shape)
  const size = inputs.block ?? TURN
  if (length! % size !== 0)
    throw new TypeError(`rows of ${length} tokens do not part into blocks of ${size}`)
  const settings = { size, window, softcap, scale: inputs.scale ?? 1 / Math.sqrt(d!) }
  return g.composite(
    'LongAttention',
    [q, k, v, segments, positions],
    () => [forward(g, inputs, settings)],
    attributesOf(settings),
  )[0]!
}

const longAttentionGradient: Row = (g, node, [dOut]) => {
  const [q, k, v] = [inputOf(node, 0), inputOf(node, 1), inputOf(node, 2)]
  const [segments, positions] = [inputOf(node, 3), inputOf(node, 4)]
  const settings = {
    size: numberOf(node, 'size', 0),
    scale: numberOf(node, 'scale', 1),
    window: numberOf(node, 'window', undefined),
    softcap: numberOf(node, 'softcap', undefined),
  }
  const { size, scale } = settings
  const out = outputOf(node, 0)
  const byHead = [0, 2, 3, 1, 4]
  const delta = transpose(g, reduceSum(g, mul(g, dOut!, out), [-1]), byHead)
  const [b, heads, groups, length, d] = q.shape as readonly number[]
  const { carried, stacked } = loop(
    g,
    {
      turns: turnsOf(q, size),
      reads: [q, k, v, segments, positions, transpose(g, dOut!, byHead), delta],
      carried: [zerosLike(g, k), zerosLike(g, v)],
    },
    ({ g: inner, index, reads, carried: [dkBefore, dvBefore] }) => {
      const [q, k, v, segments, positions, dByHead, delta] = reads
      const range = rangeOf(inner, index, positions, settings)
      const block = blockOf(inner, range, { q, k, segments }, settings)
      const [dq, dk, dv] = blockGradient(inner, {
        q: block.q,
        k: block.k,
        scale,
        ...scoresOf(inner, block),
        v: keysOf(inner, v, range),
        dOut: queriesOf(inner, dByHead, range, size),
        delta: queriesOf(inner, delta, range, size),
      })
      return {
        carried: [
          add(inner, dkBefore, padded(inner, dk, range, k)),
          add(inner, dvBefore, padded(inner, dv, range, v)),
        ],
        stacked: [reshape(inner, dq, [b!, heads!, groups!, size, d!])],
      }
    },
  )
  const dq = transpose(g, stacked[0]!, [1, 2, 3, 0, 4, 5])
  return [
    () => reshape(g, dq, [b!, heads!, groups!, length!, d!]),
    () => carried[0]!,
    () => carried[1]!,
  ]
}

export const LONG_ATTENTION: Readonly<Record<string, Row>> = {
  LongAttention: longAttentionGradient,
}
