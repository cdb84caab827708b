/**
 * Summed cross-entropy of a linear layer's logits, with its gradient, in blocks of the vocabulary, so that logits (N, V)
 * never exist whole, and each block of the weight is packed for its product but once. The gradient of the hidden states
 * is made in the forward pass, while a block's probabilities are at hand: dH = (P - onehot) W = P W - W[targets].
 * A block's softmax is of the block alone. With m its largest logit and s its Σ exp(logit - m), and over all blocks
 * M = max m and S = Σ s exp(m - M), its probabilities are those of the block times s exp(m - M) / S.
 * N targets, C hidden size, V vocabulary.
 */
import type { GraphBuilder } from '../../graph/build.ts'
import { type Attributes, int, ints, type Node, type Value } from '../../graph/node.ts'
import {
  add,
  and,
  cast,
  div,
  exp,
  greaterOrEqual,
  identity,
  log,
  max,
  min,
  mul,
  sub,
  tanh,
  where,
} from '../../graph/operators/elementwise.ts'
import { fusedMatMul, matMul } from '../../graph/operators/matrix.ts'
import { gather, gatherElements, reshape, scatterElements } from '../../graph/operators/movement.ts'
import { reduceMax, reduceSum, softmax } from '../../graph/operators/reduce.ts'
import { together } from '../../graph/operators/together.ts'
import { known } from '../../graph/shapes.ts'
import { inputOf, numberOf, numbersOf, outputOf, type Row } from '../row.ts'

/** Logits of a block: at most this many elements (32 MiB), about what a last-level cache holds. */
const BLOCK_ELEMENTS = 2 ** 23
/** Narrower products would take longer than the memory is worth. */
const MIN_BLOCK_TOKENS = 512

export type TokenRange = { readonly start: number; readonly end: number }

/** @returns the vocabulary in ranges whose logits for so many targets are of bounded size */
export const vocabularyRanges = (vocabulary: number, maxTargets: number): readonly TokenRange[] => {
  const bounded = 2 ** Math.floor(Math.log2(BLOCK_ELEMENTS / maxTargets))
  const size = Math.max(MIN_BLOCK_TOKENS, bounded)
  return Array.from({ length: Math.ceil(vocabulary / size) }, (_, i) => ({
    start: i * size,
    end: Math.min(vocabulary, (i + 1) * size),
  }))
}

/** Rows of the weight from token `start` on. */
export type VocabularyBlock = { readonly start: number; readonly weight: Value }

export type CrossEntropy = {
  /** scalar: Σ -log P[target] */
  readonly lossSum: Value
  /** scalar: targets whose logit is the largest */
  readonly correct: Value
}

export type CrossEntropyInputs = {
  /** (N, C) */
  readonly hidden: Value
  /** (V, C) */
  readonly weight: Value
  /** the same, in blocks that follow each other */
  readonly blocks: readonly VocabularyBlock[]
  /** (N) int32 */
  readonly targets: Value
  /** false where only the loss is wanted; true if absent */
  readonly differentiable?: boolean
  /** logits become cap · tanh(logit / cap) (Gemma 2, arXiv:2408.00118) */
  readonly softcap?: number | undefined
  /** whether the blocks get gradients too */
  readonly trainsWeight?: boolean
}

/** Of each target (N, 1), and the block's share of the product with the weight (N, C). */
type Part = {
  readonly largest: Value
  /** 1 / Σ exp(logit - largest) */
  readonly likeliest: Value
  /** the target's logit, or very negative where another block has it */
  readonly target: Value
  readonly product?: Value
}

/** Less than any logit; finite, so that no difference can become NaN. */
const ABSENT = -1e30

/** @returns (N, 1) the target's column in the block, or the nearest, and whether it has one there */
const ownColumn = (g: GraphBuilder, targets: Value, { start, weight }: VocabularyBlock) => {
  const [first, last] = [g.scalar('int32', 0), g.scalar('int32', known(weight.shape)[0]! - 1)]
  const index = sub(g, reshape(g, targets, [...targets.shape, 1]), g.scalar('int32', start))
  return {
    inside: and(g, greaterOrEqual(g, index, first), greaterOrEqual(g, last, index)),
    column: min(g, max(g, index, first), last),
  }
}

const targetLogit = (
  g: GraphBuilder,
  logits: Value,
  targets: Value,
  block: VocabularyBlock,
): Value => {
  const { column, inside } = ownColumn(g, targets, block)
  const logit = gatherElements(g, logits, column, 1)
  return where(g, inside, logit, g.scalar('float32', ABSENT))
}

/** d(cap · tanh(x / cap))/dx = 1 - tanh² */
const slopeOf = (g: GraphBuilder, t: Value): Value => sub(g, g.scalar('float32', 1), mul(g, t, t))

/** @returns (N, block) logits and, where they are capped, the slope of the cap */
const logitsOf = (g: GraphBuilder, hidden: Value, weight: Value, softcap: number | undefined) => {
  if (softcap === undefined) return { logits: fusedMatMul(g, hidden, weight, { transB: true }) }
  const t = tanh(g, fusedMatMul(g, hidden, weight, { transB: true, alpha: 1 / softcap }))
  return { logits: mul(g, t, g.scalar('float32', softcap)), slope: slopeOf(g, t) }
}

const partOf = (
  g: GraphBuilder,
  { hidden, targets, differentiable = true, softcap }: CrossEntropyInputs,
  block: VocabularyBlock,
): Part => {
  const { logits, slope } = logitsOf(g, hidden, block.weight, softcap)
  const p = softmax(g, logits)
  const [largest, likeliest] = [reduceMax(g, logits, [1]), reduceMax(g, p, [1])]
  const target = targetLogit(g, logits, targets, block)
  if (!differentiable) return { largest, likeliest, target }
  // Otherwise the logits and probabilities of every block would wait for the backward pass.
  const product = matMul(g, slope ? mul(g, p, slope) : p, block.weight)
  const tied = together(g, [largest, likeliest, target, product], 1)
  return { largest: tied[0]!, likeliest: tied[1]!, target: tied[2]!, product: tied[3]! }
}

const forward = (g: GraphBuilder, inputs: CrossEntropyInputs): readonly Value[] => {
  const { hidden, weight, targets, blocks, softcap } = inputs
  const parts = blocks.map(block => partOf(g, inputs, block))
  const over = (operator: typeof add, values: readonly Value[]) =>
    values.reduce((a, b) => operator(g, a, b))
  const largest = over(
    max,
    parts.map(part => part.largest),
  )
  const target = over(
    max,
    parts.map(part => part.target),
  )
  const masses = parts.map(part => div(g, exp(g, sub(g, part.largest, largest)), part.likeliest))
  const mass = over(add, masses)
  // -log P[target] = (M - logit[target]) + log S: exact where the target is the likeliest
  const losses = add(g, sub(g, largest, target), log(g, mass))
  const hits = cast(g, greaterOrEqual(g, target, largest), 'float32')
  const shares = parts.flatMap(({ product }, i) =>
    product ? [mul(g, product, div(g, masses[i]!, mass))] : [],
  )
  const expected = shares.length > 0 ? [over(add, shares)] : []
  const own = (row: Value) =>
    softcap === undefined
      ? row
      : mul(g, row, slopeOf(g, mul(g, target, g.scalar('float32', 1 / softcap))))
  const outputs = [
    reduceSum(g, losses, [0, 1], false),
    reduceSum(g, hits, [0, 1], false),
    ...expected.map(value =>
      reshape(g, sub(g, value, own(gather(g, weight, targets))), hidden.shape),
    ),
  ]
  return inputs.trainsWeight
    ? [...outputs, add(g, largest, log(g, mass)), ...logitsAgain(g, inputs)]
    : outputs
}

/** The logits of each block once more when the backward pass asks for them, and the slopes of their cap. */
const logitsAgain = (
  g: GraphBuilder,
  { hidden, blocks, softcap }: CrossEntropyInputs,
): readonly Value[] =>
  g.cheap(() => {
    // waits for the backward pass in the place of each block's weight
    const h = identity(g, hidden)
    return blocks.flatMap(({ weight }) => {
      const { logits, slope } = logitsOf(g, h, weight, softcap)
      return slope ? [logits, slope] : [logits]
    })
  })

export const crossEntropy = (g: GraphBuilder, inputs: CrossEntropyInputs): CrossEntropy => {
  const { hidden, targets, blocks, softcap, trainsWeight = false } = inputs
  const read = trainsWeight ? [hidden, targets, ...blocks.map(({ weight }) => weight)] : [hidden]
  const attributes: Attributes = trainsWeight
    ? { starts: ints(blocks.map(({ start }) => start)), capped: int(Number(softcap !== undefined)) }
    : {}
  const [lossSum, correct] = g.composite('CrossEntropy', read, () => forward(g, inputs), attributes)
  return { lossSum: lossSum!, correct: correct! }
}

/** dL = P - onehot, with P = exp(logit - log Σ exp), times the slope of the cap @returns (N, block) */
const logitGradient = (g: GraphBuilder, node: Node, index: number): Value => {
  const [targets, logSum] = [inputOf(node, 1), outputOf(node, 3)]
  const step = numberOf(node, 'capped', 0) === 1 ? 2 : 1
  const logits = outputOf(node, 4 + index * step)
  const { column, inside } = ownColumn(g, targets, {
    start: numbersOf(node, 'starts')[index]!,
    weight: inputOf(node, 2 + index),
  })
  const ones = where(g, inside, g.scalar('float32', -1), g.scalar('float32', 0))
  const p = exp(g, sub(g, logits, logSum))
  const gradient = scatterElements(g, p, cast(g, column, 'int64'), ones, 1)
  return step === 2 ? mul(g, gradient, outputOf(node, 5 + index * step)) : gradient
}

/** dH = (P - onehot) W is at hand; dW = (P - onehot)ᵀ H of each block. */
const crossEntropyGradient: Row = (g, node, [d]) => {
  const weights = node.inputs.slice(2)
  return [
    () => mul(g, outputOf(node, 2), d!),
    undefined,
    ...weights.map((_, index) => () => {
      const h = mul(g, inputOf(node, 0), d!)
      return fusedMatMul(g, logitGradient(g, node, index), h, { transA: true })
    }),
  ]
}

export const CROSS_ENTROPY: Readonly<Record<string, Row>> = { CrossEntropy: crossEntropyGradient }
