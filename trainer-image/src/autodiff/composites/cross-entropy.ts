/**
 * Summed cross-entropy of a linear layer's logits, with its gradient, in blocks of the vocabulary, so that logits (N, V)
 * never exist whole, and each block of the weight is packed for its product but once. The gradient of the hidden states
 * is made in the forward pass, while a block's probabilities are at hand: dH = (P - onehot) W = P W - W[targets].
 * A block's softmax is of the block alone. With m its largest logit and s its Σ exp(logit - m), and over all blocks
 * M = max m and S = Σ s exp(m - M), its probabilities are those of the block times s exp(m - M) / S. Sums run along with the
 * blocks (running-sums.ts), so that no block's share of P W waits for the last block.
 * N targets, C hidden size, V vocabulary.
 */
import type { GraphBuilder } from '../../graph/build.ts'
import { type Attributes, float, int, ints, type Node, type Value } from '../../graph/node.ts'
import {
  add,
  cast,
  div,
  exp,
  greaterOrEqual,
  identity,
  log,
  max,
  mul,
  sub,
  where,
} from '../../graph/operators/elementwise.ts'
import { fusedMatMul } from '../../graph/operators/matrix.ts'
import { reshape, scatterElements } from '../../graph/operators/movement.ts'
import { reduceSum } from '../../graph/operators/reduce.ts'
import { known } from '../../graph/shapes.ts'
import { inputOf, numberOf, numbersOf, outputOf, type Row } from '../row.ts'
import {
  type CrossEntropyInputs,
  logitsOf,
  ownColumn,
  type Part,
  partOf,
} from './cross-entropy-block.ts'
import { runningOf, runningSum } from './running-sums.ts'
import { slopeOfCap } from './softcap.ts'

export type CrossEntropy = {
  /** scalar: Σ -log P[target] */
  readonly lossSum: Value
  /** scalar: targets whose logit is the largest */
  readonly correct: Value
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
    return mul(g, kept, slopeOfCap(g, mul(g, target, g.scalar('float32', 1 / softcap))))
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
