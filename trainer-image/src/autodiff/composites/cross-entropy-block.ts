/**
 * What cross-entropy asks of a block of the vocabulary, in units of the block alone.
 * N targets, C hidden size.
 */
import type { GraphBuilder } from '../../graph/build.ts'
import type { Value } from '../../graph/node.ts'
import {
  and,
  greaterOrEqual,
  max,
  min,
  mul,
  sub,
  tanh,
  where,
} from '../../graph/operators/elementwise.ts'
import { fusedMatMul, matMul } from '../../graph/operators/matrix.ts'
import { gatherElements, reshape } from '../../graph/operators/movement.ts'
import { reduceMax, reduceSum, softmax } from '../../graph/operators/reduce.ts'
import { together } from '../../graph/operators/together.ts'
import { known } from '../../graph/shapes.ts'
import { slopeOfCap } from './softcap.ts'

/** Rows of the weight from token `start` on. */
export type VocabularyBlock = { readonly start: number; readonly weight: Value }

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
export type Part = {
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
export const ownColumn = (g: GraphBuilder, targets: Value, { start, weight }: VocabularyBlock) => {
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

/** @returns (N, block) logits and, where they are capped, the slope of the cap */
export const logitsOf = (
  g: GraphBuilder,
  hidden: Value,
  weight: Value,
  softcap: number | undefined,
) => {
  if (softcap === undefined) return { logits: fusedMatMul(g, hidden, weight, { transB: true }) }
  const t = tanh(g, fusedMatMul(g, hidden, weight, { transB: true, alpha: 1 / softcap }))
  return { logits: mul(g, t, g.scalar('float32', softcap)), slope: slopeOfCap(g, t) }
}

/** Tied to the others of its block where there is one of each target. */
const spreadOf = (g: GraphBuilder, logits: Value, slope: Value | undefined, weight: Value) => ({
  sum: reduceSum(g, logits, [1]),
  product: slope ? matMul(g, slope, weight) : reduceSum(g, weight, [0]),
})

export const partOf = (
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
