/**
 * Summed cross-entropy of a linear layer's logits, with its gradient, in chunks of targets, so that logits (N, V) never
 * exist whole. The gradient of the hidden states is made in the forward pass, while a chunk's probabilities are at hand:
 * dH = (P - onehot) W = P W - W[targets].
 * N targets, C hidden size, V vocabulary.
 */
import type { GraphBuilder } from '../../graph/build.ts'
import type { Value } from '../../graph/node.ts'
import { add, cast, greaterOrEqual, log, mul, sub } from '../../graph/operators/elementwise.ts'
import { fusedMatMul, matMul } from '../../graph/operators/matrix.ts'
import { concat, gather, gatherElements, reshape, slice } from '../../graph/operators/movement.ts'
import { reduceMax, reduceSum, softmax } from '../../graph/operators/reduce.ts'
import { together } from '../../graph/operators/together.ts'
import { known } from '../../graph/shapes.ts'
import { outputOf, type Row } from '../row.ts'

/** Logits of a chunk: at most this many elements (64 MiB). Half of it packs the head's weight twice as often. */
const CHUNK_ELEMENTS = 2 ** 24

export const chunkRows = (vocabulary: number): number =>
  Math.max(64, 2 ** Math.floor(Math.log2(CHUNK_ELEMENTS / vocabulary)))

export type CrossEntropy = {
  /** scalar: Σ -log P[target] */
  readonly lossSum: Value
  /** scalar: targets whose logit is the largest */
  readonly correct: Value
}

type Chunk = { readonly loss: Value; readonly correct: Value; readonly dHidden?: Value }

type ChunkInputs = {
  /** (N, C) */
  readonly hidden: Value
  /** (V, C) */
  readonly weight: Value
  /** (N) int32 */
  readonly targets: Value
  /** false where only the loss is wanted; true if absent */
  readonly differentiable?: boolean
}

export type CrossEntropyInputs = ChunkInputs & {
  /** no batch has more targets */
  readonly maxTargets: number
  readonly chunk?: number
}

/** -log P[target] = (max - logit[target]) - log(max P): exact where the target is the likeliest */
const chunkOf = (
  g: GraphBuilder,
  { hidden, weight, targets, differentiable = true }: ChunkInputs,
): Chunk => {
  const n = hidden.shape[0]!
  const logits = fusedMatMul(g, hidden, weight, { transB: true })
  const p = softmax(g, logits)
  const largest = reduceMax(g, logits, [1])
  const target = gatherElements(g, logits, reshape(g, targets, [n, 1]), 1)
  const losses = sub(g, sub(g, largest, target), log(g, reduceMax(g, p, [1])))
  const hits = cast(g, greaterOrEqual(g, target, largest), 'float32')
  const gradient = () => sub(g, matMul(g, p, weight), gather(g, weight, targets))
  // Otherwise the probabilities of every chunk would wait for the backward pass.
  const [tied, dHidden] = differentiable ? together(g, [losses, gradient()], 1) : [losses]
  return {
    loss: reduceSum(g, tied!, [0, 1], false),
    correct: reduceSum(g, hits, [0, 1], false),
    dHidden,
  }
}

export const crossEntropy = (g: GraphBuilder, inputs: CrossEntropyInputs): CrossEntropy => {
  const { hidden, weight, targets, maxTargets } = inputs
  const rows = inputs.chunk ?? chunkRows(known([weight.shape[0]!])[0]!)
  const total = (parts: readonly Value[]) => parts.reduce((a, b) => add(g, a, b))
  const [lossSum, correct] = g.composite('CrossEntropy', [hidden], () => {
    const chunks = Array.from({ length: Math.ceil(maxTargets / rows) }, (_, i) => {
      const range = { axis: 0, start: i * rows, end: (i + 1) * rows, dimension: `N${i}` }
      const part = { hidden: slice(g, hidden, range), targets: slice(g, targets, range) }
      return chunkOf(g, { ...inputs, ...part })
    })
    const gradients = chunks.flatMap(({ dHidden }) => dHidden ?? [])
    return [
      total(chunks.map(chunk => chunk.loss)),
      total(chunks.map(chunk => chunk.correct)),
      ...(gradients.length > 0 ? [reshape(g, concat(g, gradients, 0), hidden.shape)] : []),
    ]
  })
  return { lossSum: lossSum!, correct: correct! }
}

export const CROSS_ENTROPY: Readonly<Record<string, Row>> = {
  CrossEntropy: (g, node, [d]) => [() => mul(g, outputOf(node, 2), d!)],
}
