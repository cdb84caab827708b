/**
 * Causal attention over packed documents, with its gradient.
 * B rows, K key-value heads, G query heads of each, T tokens, D head size.
 *
 * Queries go in blocks that see only the keys up to their own end, which skips nearly half of the work of long rows.
 * A block's G query heads lie below each other, so keys and values are never repeated, and their gradients come summed.
 */
import type { GraphBuilder } from '../../graph/build.ts'
import { int, type Value } from '../../graph/node.ts'
import { add, mul, neg } from '../../graph/operators/elementwise.ts'
import { fusedMatMul, matMul } from '../../graph/operators/matrix.ts'
import { concat, reshape, slice } from '../../graph/operators/movement.ts'
import { reduceSum, softmax } from '../../graph/operators/reduce.ts'
import { together } from '../../graph/operators/together.ts'
import { known } from '../../graph/shapes.ts'
import { inputOf, numberOf, type Row } from '../row.ts'

/** Queries of a block. Against 256, 128 is 2 to 4 % faster at 512 and at 2048 tokens: less above the diagonal is computed. */
export const BLOCK = 128

export type QueryBlock = { readonly start: number; readonly end: number }

export const queryBlocks = (length: number, block = BLOCK): readonly QueryBlock[] =>
  Array.from({ length: Math.ceil(length / block) }, (_, i) => ({
    start: i * block,
    end: Math.min(length, (i + 1) * block),
  }))

/** q: (B, K, G, T, D) @returns the block's queries, (B, K, G·(end - start), D) */
const queriesOf = (g: GraphBuilder, q: Value, { start, end }: QueryBlock): Value => {
  const [b, k, groups, , d] = q.shape
  const rows = slice(g, q, { axis: 3, start, end })
  return reshape(g, rows, [b!, k!, known([groups!])[0]! * (end - start), d!])
}

/** The inverse of `queriesOf` for all blocks together. */
const joinQueries = (g: GraphBuilder, parts: readonly Value[], q: Value): Value => {
  const [b, k, groups, , d] = q.shape
  const shaped = parts.map(part => {
    const size = known([part.shape[2]!])[0]! / known([groups!])[0]!
    return reshape(g, part, [b!, k!, groups!, size, d!])
  })
  return concat(g, shaped, 3)
}

const keysOf = (g: GraphBuilder, k: Value, { end }: QueryBlock): Value =>
  k.shape[2] === end ? k : slice(g, k, { axis: 2, start: 0, end })

type AttentionInputs = {
  /** (B, K, G, T, D) */
  readonly q: Value
  /** (B, K, T, D) */
  readonly k: Value
  readonly v: Value
  /** of each query block (B, 1, 1, end - start, end): 0 where a query sees a key, else very negative */
  readonly biases: readonly Value[]
  readonly block?: number
}

const probabilitiesOf = (
  g: GraphBuilder,
  queries: Value,
  keys: Value,
  bias: Value,
  q: Value,
): Value => {
  const [b, k, groups, , d] = q.shape
  const alpha = 1 / Math.sqrt(known([d!])[0]!)
  const scores = fusedMatMul(g, queries, keys, { transB: true, alpha })
  const [rows, columns] = known(bias.shape.slice(-2))
  const all = known([k!])[0]! * known([groups!])[0]!
  const flat = reshape(g, scores, [b!, all, rows! * columns!])
  const masked = add(g, flat, reshape(g, bias, [b!, 1, rows! * columns!]))
  return softmax(g, reshape(g, masked, scores.shape))
}

/**
 * Probabilities grow with the square of the length. In short rows they are cheap to keep and a twentieth of the time
 * to make again; in long ones they outweigh all else that a layer would keep.
 */
export const keepsProbabilities = (length: number): boolean => length <= 512

/** @returns (B, K, G, T, D) */
export const attention = (g: GraphBuilder, inputs: AttentionInputs): Value => {
  const { q, k, v, biases, block: size = BLOCK } = inputs
  const length = known([q.shape[3]!])[0]!
  const blocks = queryBlocks(length, size)
  const make = <T>(made: () => T): T => (keepsProbabilities(length) ? made() : g.cheap(made))
  const build = () => {
    const probabilities: Value[] = []
    const parts = blocks.map((block, i) => {
      const p = make(() =>
        probabilitiesOf(g, queriesOf(g, q, block), keysOf(g, k, block), biases[i]!, q),
      )
      probabilities.push(p)
      return matMul(g, p, keysOf(g, v, block))
    })
    return [joinQueries(g, parts, q), ...probabilities]
  }
  return g.composite('Attention', [q, k, v], build, { block: int(size) })[0]!
}

/** Each block's gradient of the keys it saw, (B, K, end, D), summed to (B, K, T, D). */
const sumOverBlocks = (g: GraphBuilder, parts: readonly Value[], like: Value): Value => {
  const length = known([like.shape[2]!])[0]!
  const padded = parts.map(part => {
    const missing = length - known([part.shape[2]!])[0]!
    if (missing === 0) return part
    const pads = g.constant('int64', [0, 0, 0, 0, 0, 0, missing, 0])
    const outputs = [{ type: like.type, shape: like.shape }]
    return g.node({ operator: 'Pad', inputs: [part, pads], outputs })[0]!
  })
  return padded.reduceRight((sum, part) => add(g, sum, part))
}

/** S = αQKᵀ + bias, P = softmax(S), O = PV: dV = PᵀdO, dS = P(dOVᵀ - Σ dO·O), dQ = αdS K, dK = αdSᵀQ */
const attentionGradient: Row = (g, node, [dOut]) => {
  const [q, k, v] = [inputOf(node, 0), inputOf(node, 1), inputOf(node, 2)]
  const [out, ...probabilities] = node.outputs
  const blocks = queryBlocks(known([q.shape[3]!])[0]!, numberOf(node, 'block', BLOCK))
  const alpha = 1 / Math.sqrt(known(q.shape.slice(-1))[0]!)
  const delta = reduceSum(g, mul(g, dOut!, out!), [-1])
  const perBlock = blocks.map((block, i) => {
    const p = probabilities[i]!
    const d = queriesOf(g, dOut!, block)
    const dp = fusedMatMul(g, d, keysOf(g, v, block), { transB: true })
    const ds = mul(g, p, add(g, dp, neg(g, queriesOf(g, delta, block))))
    const dq = fusedMatMul(g, ds, keysOf(g, k, block), { alpha })
    const dk = fusedMatMul(g, ds, queriesOf(g, q, block), { transA: true, alpha })
    const dv = fusedMatMul(g, p, d, { transA: true })
    // Otherwise each block's dS would wait for the last one's.
    return blocks.length > 1 ? together(g, [dq, dk, dv], 2) : [dq, dk, dv]
  })
  const of = (i: number) => perBlock.map(parts => parts[i]!)
  return [
    () => joinQueries(g, of(0), q),
    () => sumOverBlocks(g, of(1), k),
    () => sumOverBlocks(g, of(2), v),
  ]
}

export const ATTENTION: Readonly<Record<string, Row>> = { Attention: attentionGradient }
