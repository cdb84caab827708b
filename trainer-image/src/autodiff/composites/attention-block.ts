/**
 * Attention of a block of queries to the keys that it sees, and its gradient. B rows, K key-value heads, G query heads
 * of each, S queries, L keys, D head size. The G query heads lie below each other, so keys and values are never
 * repeated, and their gradients come summed.
 */
import type { GraphBuilder } from '../../graph/build.ts'
import type { Value } from '../../graph/node.ts'
import { add, mul, neg, tanh } from '../../graph/operators/elementwise.ts'
import { scaledDotProduct } from '../../graph/operators/fused.ts'
import { fusedMatMul } from '../../graph/operators/matrix.ts'
import { reshape } from '../../graph/operators/movement.ts'
import { softmax } from '../../graph/operators/reduce.ts'
import { known } from '../../graph/shapes.ts'
import { slopeOfCap } from './softcap.ts'

/** Added to a score that must not count; finite, so that no row can become NaN. */
export const MASKED = -1e30

export type Block = {
  /** (B, K, G·S, D) */
  readonly q: Value
  /** (B, K, L, D) */
  readonly k: Value
  /** (B, 1, 1, S, L): 0 where a query sees a key, else very negative */
  readonly bias: Value
  /** of the product of query and key */
  readonly scale: number
  /** scores s become cap · tanh(s / cap) (Gemma 2, arXiv:2408.00118) */
  readonly softcap?: number
}

/** (B, K, G·S, L), and where scores are capped the tanh of them */
export type Scores = { readonly probabilities: Value; readonly capped?: Value }

/** K·G */
const headsOf = (q: Value, bias: Value): number => {
  const [heads, rows] = known([q.shape[1]!, q.shape[2]!]) as [number, number]
  return (heads * rows) / known([bias.shape.at(-2)!])[0]!
}

export const scoresOf = (g: GraphBuilder, { q, k, bias, scale, softcap }: Block): Scores => {
  const alpha = softcap === undefined ? scale : scale / softcap
  const scores = fusedMatMul(g, q, k, { transB: true, alpha })
  const capped = softcap === undefined ? undefined : tanh(g, scores)
  const counted = capped ? mul(g, capped, g.scalar('float32', softcap!)) : scores
  const [rows, columns] = bias.shape.slice(-2)
  const pairs = typeof columns === 'number' ? known([rows!])[0]! * columns : `${rows}*${columns}`
  const b = q.shape[0]!
  const flat = reshape(g, counted, [b, headsOf(q, bias), pairs])
  const masked = add(g, flat, reshape(g, bias, [b, 1, pairs]))
  const probabilities = softmax(g, reshape(g, masked, scores.shape))
  return capped ? { probabilities, capped } : { probabilities }
}

/**
 * For the forward pass alone: the operator could give the probabilities out too, but its shape inference takes a number
 * of keys that is known only when the graph runs for 0 (ONNX Runtime 1.30).
 * @returns (B, K, G·S, D)
 */
export const attendedAtOnce = (g: GraphBuilder, { q, k, bias, scale }: Block, v: Value): Value => {
  const [b, , , d] = q.shape
  const [rows, columns] = bias.shape.slice(-2)
  const out = scaledDotProduct(g, {
    q: reshape(g, q, [b!, headsOf(q, bias), rows!, d!]),
    k,
    v,
    bias: reshape(g, bias, [b!, 1, rows!, columns!]),
    scale,
  })
  return reshape(g, out, q.shape)
}

export type BlockGradient = Pick<Block, 'q' | 'k' | 'scale'> &
  Scores & {
    /** (B, K, L, D) */
    readonly v: Value
    /** (B, K, G·S, D) */
    readonly dOut: Value
    /** (B, K, G·S, 1): Σ dO·O */
    readonly delta: Value
  }

/** S = αQKᵀ + bias, P = softmax(S), O = PV: dV = PᵀdO, dS = P(dOVᵀ - Σ dO·O), dQ = αdS K, dK = αdSᵀQ */
export const blockGradient = (
  g: GraphBuilder,
  { q, k, v, dOut, delta, probabilities: p, capped, scale: alpha }: BlockGradient,
): readonly [dq: Value, dk: Value, dv: Value] => {
  const dp = fusedMatMul(g, dOut, v, { transB: true })
  const counted = mul(g, p, add(g, dp, neg(g, delta)))
  const ds = capped ? mul(g, counted, slopeOfCap(g, capped)) : counted
  return [
    fusedMatMul(g, ds, k, { alpha }),
    fusedMatMul(g, ds, q, { transA: true, alpha }),
    fusedMatMul(g, p, dOut, { transA: true }),
  ]
}
