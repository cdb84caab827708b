/**
 * Causal attention over packed documents, with its gradient.
 * B rows, K key-value heads, G query heads of each, T tokens, D head size.
 *
 * Queries go in blocks that see only the keys up to their own end, which skips nearly half of the work of long rows, and
 * where a layer has a window, only the keys from their first query's window on. In packed rows they see keys only from
 * the start of their first query's document on.
 * A block's G query heads lie below each other, so keys and values are never repeated, and their gradients come summed.
 *
 * Probabilities grow with the square of the length, and are not kept: to make them once more takes a fortieth of a
 * step's time at 512 tokens (as in FlashAttention, Dao et al. 2022, arXiv:2205.14135).
 */
import type { GraphBuilder } from '../../graph/build.ts'
import { type Attributes, type Dimension, float, int, type Value } from '../../graph/node.ts'
import { add, mul, neg, sub, tanh } from '../../graph/operators/elementwise.ts'
import { scaledDotProduct } from '../../graph/operators/fused.ts'
import { fusedMatMul, matMul } from '../../graph/operators/matrix.ts'
import { concat, reshape, slice, sliceFrom, transpose } from '../../graph/operators/movement.ts'
import { reduceSum, softmax } from '../../graph/operators/reduce.ts'
import { together } from '../../graph/operators/together.ts'
import { known } from '../../graph/shapes.ts'
import { inputOf, numberOf, type Row } from '../row.ts'

/**
 * Queries of a block. Against 256, 128 is 2 to 4 % faster at 512 and at 2048 tokens: less above the diagonal is computed.
 * In longer rows that is less of the whole, and the session of so many nodes takes more memory and time to make.
 */
const blockSize = (length: number): number => (length <= 2048 ? 128 : 256)

/** Queries start ≤ t < end, which see no keys but from ≤ t < end. */
export type QueryBlock = { readonly from: number; readonly start: number; readonly end: number }

/** @param window keys that a query sees, its own included; all before it if absent */
export const queryBlocks = (
  length: number,
  block = blockSize(length),
  window = length,
): readonly QueryBlock[] =>
  Array.from({ length: Math.ceil(length / block) }, (_, i) => ({
    from: Math.max(0, i * block - window + 1),
    start: i * block,
    end: Math.min(length, (i + 1) * block),
  }))

/** q: (B, K, G, T, D) @returns the block's queries, (B, K, G·(end - start), D) */
const queriesOf = (
  g: GraphBuilder,
  q: Value,
  { start, end }: QueryBlock,
  isApart = false,
): Value => {
  const [b, k, groups, , d] = q.shape
  const rows = slice(g, q, { axis: 3, start, end, isApart })
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

/** Name of the number of keys that a block sees, which is known only when the graph runs. */
export const keysDimension = ({ from, end }: QueryBlock): string => `keys_${from}_${end}`

/** @returns the most that a dimension named by `keysDimension` can be; undefined for another */
export const mostKeys = (dimension: string): number | undefined => {
  const [, from, end] = /^keys_(\d+)_(\d+)$/.exec(dimension) ?? []
  return end === undefined ? undefined : Number(end) - Number(from)
}

/** A query block, and the first key that it sees where that is known only when the graph runs. */
type Seeing = QueryBlock & { readonly firstKey?: Value }

const seeing = (blocks: readonly QueryBlock[], firstKeys: readonly Value[]): readonly Seeing[] =>
  blocks.map((block, i) => {
    const firstKey = firstKeys[i - 1]
    return firstKey ? { ...block, firstKey } : block
  })

const keysOf = (g: GraphBuilder, k: Value, block: Seeing, isApart = false): Value => {
  const { from, end, firstKey } = block
  if (firstKey) {
    const dimension = keysDimension(block)
    return sliceFrom(g, k, { axis: 2, start: firstKey, end, dimension, isApart })
  }
  return from === 0 && k.shape[2] === end ? k : slice(g, k, { axis: 2, start: from, end, isApart })
}

type AttentionInputs = {
  /** (B, K, G, T, D) */
  readonly q: Value
  /** (B, K, T, D) */
  readonly k: Value
  readonly v: Value
  /** of each query block (B, 1, 1, end - start, keys): 0 where a query sees a key, else very negative */
  readonly biases: readonly Value[]
  /** of each block but the first, which sees no key before the row, (1) int64; absent: all see from `from` on */
  readonly firstKeys?: readonly Value[]
  readonly block?: number
  /** tokens that a query sees, its own included; all before it if absent */
  readonly window?: number
  /** of the product of query and key; 1 / √D if absent */
  readonly scale?: number
  /** scores s become cap · tanh(s / cap) (Gemma 2, arXiv:2408.00118) */
  readonly softcap?: number
  /** by ONNX's operator Attention, which is faster on the CPU, but caps no scores as Gemma does */
  readonly isFused?: boolean
}

const scaleOf = (q: Value): number => 1 / Math.sqrt(known(q.shape.slice(-1))[0]!)

type Scores = { readonly probabilities: Value /** tanh of the scores */; readonly capped?: Value }

const scoresOf = (g: GraphBuilder, block: Seeing, bias: Value, inputs: AttentionInputs): Scores => {
  const { q, k: keys, softcap, scale = scaleOf(q) } = inputs
  const [b, k, groups] = q.shape
  const alpha = softcap === undefined ? scale : scale / softcap
  const [queries, seen] = [queriesOf(g, q, block), keysOf(g, keys, block)]
  const scores = fusedMatMul(g, queries, seen, { transB: true, alpha })
  const capped = softcap === undefined ? undefined : tanh(g, scores)
  const counted = capped ? mul(g, capped, g.scalar('float32', softcap!)) : scores
  const [rows, columns] = bias.shape.slice(-2) as [number, Dimension]
  const pairs = typeof columns === 'number' ? rows * columns : `${rows}*${columns}`
  const all = known([k!])[0]! * known([groups!])[0]!
  const flat = reshape(g, counted, [b!, all, pairs])
  const masked = add(g, flat, reshape(g, bias, [b!, 1, pairs]))
  const probabilities = softmax(g, reshape(g, masked, scores.shape))
  return capped ? { probabilities, capped } : { probabilities }
}

/**
 * For the forward pass alone: the operator could give the probabilities out too, but its shape inference takes a number
 * of keys that is known only when the graph runs for 0 (ONNX Runtime 1.30).
 * @returns (B, K, G·(end - start), D)
 */
const attendedAtOnce = (
  g: GraphBuilder,
  block: Seeing,
  bias: Value,
  { q, k, v, scale = scaleOf(q) }: AttentionInputs,
): Value => {
  const queries = queriesOf(g, q, block)
  const [b, heads, , d] = queries.shape
  const [rows, columns] = bias.shape.slice(-2)
  const all = known([heads!, q.shape[2]!]).reduce((a, c) => a * c)
  const out = scaledDotProduct(g, {
    q: reshape(g, queries, [b!, all, rows!, d!]),
    k: keysOf(g, k, block),
    v: keysOf(g, v, block),
    bias: reshape(g, bias, [b!, 1, rows!, columns!]),
    scale,
  })
  return reshape(g, out, queries.shape)
}

const attributesOf = ({ window, scale, softcap }: AttentionInputs, block: number): Attributes => ({
  block: int(block),
  ...(window === undefined ? {} : { window: int(window) }),
  ...(scale === undefined ? {} : { scale: float(scale) }),
  ...(softcap === undefined ? {} : { softcap: float(softcap) }),
})

/** (B, K, G, T, D) to (B, T, K, G, D), and back */
const BY_TOKEN = [0, 3, 1, 2, 4]
const BY_HEAD = [0, 2, 3, 1, 4]

/** @returns (B, T, K, G, D): as what comes next reads it, so that it need not be kept in both orders */
export const attention = (g: GraphBuilder, inputs: AttentionInputs): Value => {
  const { q, k, v, biases, firstKeys = [], window } = inputs
  const length = known([q.shape[3]!])[0]!
  const { block: size = blockSize(length) } = inputs
  const blocks = seeing(queryBlocks(length, size, window), firstKeys)
  const atOnce = inputs.isFused && inputs.softcap === undefined
  const build = () => {
    const kept: Value[] = []
    const parts = blocks.map((block, i) => {
      const { probabilities, capped } = g.cheap(() => scoresOf(g, block, biases[i]!, inputs))
      kept.push(probabilities, ...(capped ? [capped] : []))
      return atOnce
        ? attendedAtOnce(g, block, biases[i]!, inputs)
        : matMul(g, probabilities, keysOf(g, v, block))
    })
    return [transpose(g, joinQueries(g, parts, q), BY_TOKEN), ...kept]
  }
  return g.composite('Attention', [q, k, v, ...firstKeys], build, attributesOf(inputs, size))[0]!
}

/** Each block's gradient of the keys it saw, (B, K, end - from, D), summed to (B, K, T, D). */
const sumOverBlocks = (
  g: GraphBuilder,
  parts: readonly Value[],
  blocks: readonly Seeing[],
  like: Value,
): Value => {
  const length = known([like.shape[2]!])[0]!
  const int64s = (...values: number[]) => g.constant('int64', values)
  const padded = parts.map((part, i) => {
    const { from, end, firstKey } = blocks[i]!
    if (!firstKey && end - from === length) return part
    const pads = firstKey
      ? concat(g, [int64s(0, 0), firstKey, int64s(0, 0, 0, length - end, 0)], 0)
      : int64s(0, 0, from, 0, 0, 0, length - end, 0)
    const outputs = [{ type: like.type, shape: like.shape }]
    return g.node({ operator: 'Pad', inputs: [part, pads], outputs })[0]!
  })
  return padded.reduceRight((sum, part) => add(g, sum, part))
}

/** d(cap · tanh(s / cap))/ds = 1 - tanh² */
const throughCap = (g: GraphBuilder, ds: Value, capped: Value): Value =>
  mul(g, ds, sub(g, g.scalar('float32', 1), mul(g, capped, capped)))

/** (3) int64: rows of a block's gradients of queries, keys and values; undefined where they are known */
const sizesOf = (g: GraphBuilder, { end, firstKey }: Seeing, dq: Value): Value | undefined => {
  if (!firstKey) return undefined
  const keys = sub(g, g.constant('int64', [end]), firstKey)
  return concat(g, [g.constant('int64', known([dq.shape[2]!])), keys, keys], 0)
}

/** S = αQKᵀ + bias, P = softmax(S), O = PV: dV = PᵀdO, dS = P(dOVᵀ - Σ dO·O), dQ = αdS K, dK = αdSᵀQ */
const attentionGradient: Row = (g, node, [dOut]) => {
  const [q, k, v] = [inputOf(node, 0), inputOf(node, 1), inputOf(node, 2)]
  const [out, ...kept] = node.outputs
  const length = known([q.shape[3]!])[0]!
  const window = numberOf(node, 'window', length)
  const firstKeys = node.inputs.slice(3).filter(input => input !== undefined)
  const size = numberOf(node, 'block', blockSize(length))
  const blocks = seeing(queryBlocks(length, size, window), firstKeys)
  const alpha = numberOf(node, 'scale', scaleOf(q))
  const values = 'softcap' in node.attributes ? 2 : 1
  const delta = transpose(g, reduceSum(g, mul(g, dOut!, out!), [-1]), BY_HEAD)
  const dByHead = transpose(g, dOut!, BY_HEAD)
  // Slices apart from those of the forward pass, which else would be kept in every layer.
  const perBlock = blocks.map((block, i) => {
    const [p, capped] = kept.slice(values * i, values * (i + 1))
    const d = queriesOf(g, dByHead, block)
    const dp = fusedMatMul(g, d, keysOf(g, v, block, true), { transB: true })
    const counted = mul(g, p!, add(g, dp, neg(g, queriesOf(g, delta, block))))
    const ds = capped ? throughCap(g, counted, capped) : counted
    const dq = fusedMatMul(g, ds, keysOf(g, k, block, true), { alpha })
    const dk = fusedMatMul(g, ds, queriesOf(g, q, block, true), { transA: true, alpha })
    const dv = fusedMatMul(g, p!, d, { transA: true })
    // Otherwise each block's dS would wait for the last one's.
    return blocks.length > 1 ? together(g, [dq, dk, dv], 2, sizesOf(g, block, dq)) : [dq, dk, dv]
  })
  const of = (i: number) => perBlock.map(parts => parts[i]!)
  return [
    () => joinQueries(g, of(0), q),
    () => sumOverBlocks(g, of(1), blocks, k),
    () => sumOverBlocks(g, of(2), blocks, v),
  ]
}

export const ATTENTION: Readonly<Record<string, Row>> = { Attention: attentionGradient }
