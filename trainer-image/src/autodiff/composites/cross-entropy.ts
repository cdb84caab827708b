/**
 * Summed cross-entropy of a linear layer's logits, with its gradient, in blocks of the vocabulary, so that logits (N, V)
 * never exist whole, and each block of the weight is packed for its product but once. The gradient of the hidden states
 * is made in the forward pass, while a block's probabilities are at hand: dH = (P - onehot) W = P W - W[targets].
 * A block's softmax is of the block alone. With m its largest logit and s its Σ exp(logit - m), and over all blocks
 * M = max m and S = Σ s exp(m - M), its probabilities are those of the block times s exp(m - M) / S. As in online softmax
 * (Milakov & Gimelshein 2018, arXiv:1805.02867) M grows block by block and what was summed before shrinks with it, so
 * that no block's share of P W waits for the last block.
 * N targets, C hidden size, V vocabulary.
 */
import type { GraphBuilder } from '../../graph/build.ts'
import { type Attributes, float, int, ints, type Node, type Value } from '../../graph/node.ts'
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
import { gatherElements, reshape, scatterElements } from '../../graph/operators/movement.ts'
import { reduceMax, reduceSum, softmax } from '../../graph/operators/reduce.ts'
import { together } from '../../graph/operators/together.ts'
import { known } from '../../graph/shapes.ts'
import { inputOf, numberOf, numbersOf, outputOf, type Row } from '../row.ts'

/** Logits of a block: at most this many elements (8 MiB), which stay in the last-level cache. */
const BLOCK_ELEMENTS = 2 ** 21
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
  /** the weight (V, C), in blocks that follow each other */
  readonly blocks: readonly VocabularyBlock[]
  /** (N) int32 */
  readonly targets: Value
  /** (N, C): the weight's rows of the targets; absent where only the loss is wanted */
  readonly targetWeights?: Value
  /** logits become cap · tanh(logit / cap) (Gemma 2, arXiv:2408.00118) */
  readonly softcap?: number | undefined
  /** whether the blocks get gradients too */
  readonly trainsWeight?: boolean
  /** share ε of the target's probability that is spread over the whole vocabulary (Szegedy et al. 2015, arXiv:1512.00567); 0 if absent */
  readonly labelSmoothing?: number
}

/** Of each target (N, 1), and the block's share of the product with the weight (N, C). */
type Part = {
  readonly largest: Value
  /** 1 / Σ exp(logit - largest) */
  readonly likeliest: Value
  /** the target's logit, or very negative where another block has it */
  readonly target: Value
  readonly product?: Value
  readonly spread?: Spread
}

/** What labels that are smoothed ask of a block. */
type Spread = {
  /** (N, 1) Σ logits */
  readonly sum: Value
  /** (N, C), or (1, C) where it is the same for all targets: Σ over the block of the logits' slopes times the weight's rows */
  readonly product: Value
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

/** Tied to the others of its block where there is one of each target. */
const spreadOf = (g: GraphBuilder, logits: Value, slope: Value | undefined, weight: Value) => ({
  sum: reduceSum(g, logits, [1]),
  product: slope ? matMul(g, slope, weight) : reduceSum(g, weight, [0]),
})

const partOf = (
  g: GraphBuilder,
  { hidden, targets, targetWeights, softcap, labelSmoothing = 0 }: CrossEntropyInputs,
  block: VocabularyBlock,
): Part => {
  const { logits, slope } = logitsOf(g, hidden, block.weight, softcap)
  const p = softmax(g, logits)
  const [largest, likeliest] = [reduceMax(g, logits, [1]), reduceMax(g, p, [1])]
  const target = targetLogit(g, logits, targets, block)
  if (!targetWeights) return { largest, likeliest, target }
  // Otherwise the logits and probabilities of every block would wait for the backward pass.
  const product = matMul(g, slope ? mul(g, p, slope) : p, block.weight)
  const spread = labelSmoothing > 0 ? spreadOf(g, logits, slope, block.weight) : undefined
  const more = spread ? [spread.sum, ...(slope ? [spread.product] : [])] : []
  const tied = together(g, [largest, likeliest, target, product, ...more], 1)
  return {
    largest: tied[0]!,
    likeliest: tied[1]!,
    target: tied[2]!,
    product: tied[3]!,
    ...(spread ? { spread: { sum: tied[4]!, product: tied[5] ?? spread.product } } : {}),
  }
}

/** ε / V of each token */
const shareOf = ({ blocks, labelSmoothing = 0 }: CrossEntropyInputs): number => {
  const last = blocks.at(-1)!
  return labelSmoothing / (last.start + known(last.weight.shape)[0]!)
}

/** -Σ q log P with q = (1 - ε) onehot + ε / V: to the loss of labels that are not smoothed comes ε logit[target] - ε / V Σ logits. */
const smoothing = (
  g: GraphBuilder,
  inputs: CrossEntropyInputs,
  parts: readonly Part[],
): { readonly loss: (target: Value) => Value; readonly product: Value } | undefined => {
  const { labelSmoothing = 0 } = inputs
  const spreads = parts.flatMap(({ spread }) => (spread ? [spread] : []))
  if (spreads.length === 0) return undefined
  const share = g.scalar('float32', shareOf(inputs))
  const over = (values: readonly Value[]) => values.reduce((a, b) => add(g, a, b))
  const logits = mul(g, over(spreads.map(({ sum }) => sum)), share)
  return {
    loss: target => sub(g, mul(g, target, g.scalar('float32', labelSmoothing)), logits),
    product: mul(g, over(spreads.map(({ product }) => product)), share),
  }
}

/** Over the blocks up to one: M, what its own mass is, and by what all before it shrank when M grew. Each (N, 1). */
type Running = { readonly largest: Value; readonly mass: Value; readonly shrunk?: Value }

const runningOf = (g: GraphBuilder, parts: readonly Part[]): readonly Running[] => {
  let before: Value | undefined
  return parts.map(part => {
    const largest = before ? max(g, before, part.largest) : part.largest
    const mass = div(g, exp(g, sub(g, part.largest, largest)), part.likeliest)
    const shrunk = before && { shrunk: exp(g, sub(g, before, largest)) }
    before = largest
    return { largest, mass, ...shrunk }
  })
}

/** Σ of values that are each in units of exp(M) of their block, in units of the last one's. */
const runningSum = (
  g: GraphBuilder,
  running: readonly Running[],
  ofBlock: (index: number) => Value,
): Value => {
  let sum: Value | undefined
  for (const [index, { shrunk }] of running.entries()) {
    const value = ofBlock(index)
    // made last, so that ONNX Runtime asks for it first: the sum before a block is done before the block is begun
    const before: Value | undefined = sum && shrunk && mul(g, sum, shrunk)
    sum = before ? add(g, value, before) : value
  }
  return sum!
}

const forward = (g: GraphBuilder, inputs: CrossEntropyInputs): readonly Value[] => {
  const { hidden, targetWeights, blocks, softcap, labelSmoothing } = inputs
  const parts = blocks.map(block => partOf(g, inputs, block))
  const running = runningOf(g, parts)
  const { largest } = running.at(-1)!
  const target = parts.map(part => part.target).reduce((a, b) => max(g, a, b))
  const mass = runningSum(g, running, index => running[index]!.mass)
  const expected =
    targetWeights &&
    div(
      g,
      runningSum(g, running, index => mul(g, parts[index]!.product!, running[index]!.mass)),
      mass,
    )
  // -log P[target] = (M - logit[target]) + log S: exact where the target is the likeliest
  const hard = add(g, sub(g, largest, target), log(g, mass))
  const smoothed = smoothing(g, inputs, parts)
  const losses = smoothed ? add(g, hard, smoothed.loss(target)) : hard
  const hits = cast(g, greaterOrEqual(g, target, largest), 'float32')
  const own = (row: Value) => {
    const kept = smoothed ? mul(g, row, g.scalar('float32', 1 - (labelSmoothing ?? 0))) : row
    if (softcap === undefined) return kept
    return mul(g, kept, slopeOf(g, mul(g, target, g.scalar('float32', 1 / softcap))))
  }
  const away = (row: Value) => (smoothed ? add(g, own(row), smoothed.product) : own(row))
  const outputs = [
    reduceSum(g, losses, [0, 1], false),
    reduceSum(g, hits, [0, 1], false),
    ...(targetWeights ? [reshape(g, sub(g, expected!, away(targetWeights)), hidden.shape)] : []),
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
    ? {
        starts: ints(blocks.map(({ start }) => start)),
        capped: int(Number(softcap !== undefined)),
        smoothing: float(inputs.labelSmoothing ?? 0),
        share: float(shareOf(inputs)),
      }
    : {}
  const [lossSum, correct] = g.composite('CrossEntropy', read, () => forward(g, inputs), attributes)
  return { lossSum: lossSum!, correct: correct! }
}

/** dL = P - (1 - ε) onehot - ε / V, with P = exp(logit - log Σ exp), times the slope of the cap @returns (N, block) */
const logitGradient = (g: GraphBuilder, node: Node, index: number): Value => {
  const [targets, logSum] = [inputOf(node, 1), outputOf(node, 3)]
  const step = numberOf(node, 'capped', 0) === 1 ? 2 : 1
  const logits = outputOf(node, 4 + index * step)
  const { column, inside } = ownColumn(g, targets, {
    start: numbersOf(node, 'starts')[index]!,
    weight: inputOf(node, 2 + index),
  })
  const [smoothing, share] = [numberOf(node, 'smoothing', 0), numberOf(node, 'share', 0)]
  const ones = where(g, inside, g.scalar('float32', smoothing - 1), g.scalar('float32', 0))
  const sure = exp(g, sub(g, logits, logSum))
  const p = share > 0 ? sub(g, sure, g.scalar('float32', share)) : sure
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
