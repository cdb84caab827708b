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
import { type Attributes, float, int, type Value } from '../../graph/node.ts'
import { add, mul, sub } from '../../graph/operators/elementwise.ts'
import { matMul } from '../../graph/operators/matrix.ts'
import { concat, reshape, slice, sliceFrom, transpose } from '../../graph/operators/movement.ts'
import { reduceSum } from '../../graph/operators/reduce.ts'
import { together } from '../../graph/operators/together.ts'
import { known } from '../../graph/shapes.ts'
import { inputOf, numberOf, type Row } from '../row.ts'
import { attendedAtOnce, type Block, blockGradient, scoresOf } from './attention-block.ts'
import { keysDimension } from './keys-dimension.ts'

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

const blockOf = (
  g: GraphBuilder,
  block: Seeing,
  bias: Value,
  { q, k, scale = scaleOf(q), softcap }: AttentionInputs,
): Block => ({
  q: queriesOf(g, q, block),
  k: keysOf(g, k, block),
  bias,
  scale,
  ...(softcap === undefined ? {} : { softcap }),
})

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
      const given = () => blockOf(g, block, biases[i]!, inputs)
      const { probabilities, capped } = g.cheap(() => scoresOf(g, given()))
      kept.push(probabilities, ...(capped ? [capped] : []))
      const values = keysOf(g, v, block)
      return atOnce ? attendedAtOnce(g, given(), values) : matMul(g, probabilities, values)
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

/** (3) int64: rows of a block's gradients of queries, keys and values; undefined where they are known */
const sizesOf = (g: GraphBuilder, { end, firstKey }: Seeing, dq: Value): Value | undefined => {
  if (!firstKey) return undefined
  const keys = sub(g, g.constant('int64', [end]), firstKey)
  return concat(g, [g.constant('int64', known([dq.shape[2]!])), keys, keys], 0)
}

const attentionGradient: Row = (g, node, [dOut]) => {
  const [q, k, v] = [inputOf(node, 0), inputOf(node, 1), inputOf(node, 2)]
  const [out, ...kept] = node.outputs
  const length = known([q.shape[3]!])[0]!
  const window = numberOf(node, 'window', length)
  const firstKeys = node.inputs.slice(3).filter(input => input !== undefined)
  const size = numberOf(node, 'block', blockSize(length))
  const blocks = seeing(queryBlocks(length, size, window), firstKeys)
  const scale = numberOf(node, 'scale', scaleOf(q))
  const values = 'softcap' in node.attributes ? 2 : 1
  const delta = transpose(g, reduceSum(g, mul(g, dOut!, out!), [-1]), BY_HEAD)
  const dByHead = transpose(g, dOut!, BY_HEAD)
  // Slices apart from those of the forward pass, which else would be kept in every layer.
  const perBlock = blocks.map((block, i) => {
    const [p, capped] = kept.slice(values * i, values * (i + 1))
    const parts = blockGradient(g, {
      q: queriesOf(g, q, block, true),
      k: keysOf(g, k, block, true),
      v: keysOf(g, v, block, true),
      scale,
      dOut: queriesOf(g, dByHead, block),
      delta: queriesOf(g, delta, block),
      probabilities: p!,
      ...(capped ? { capped } : {}),
    })
    // Otherwise each block's dS would wait for the last one's.
    return blocks.length > 1 ? together(g, parts, 2, sizesOf(g, block, parts[0])) : parts
  })
  const of = (i: number) => perBlock.map(parts => parts[i]!)
  return [
    () => joinQueries(g, of(0), q),
    () => sumOverBlocks(g, of(1), blocks, k),
    () => sumOverBlocks(g, of(2), blocks, v),
  ]
}

export const ATTENTION: Readonly<Record<string, Row>> = { Attention: attentionGradient }
