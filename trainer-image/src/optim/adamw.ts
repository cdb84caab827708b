/**
 * Clipping by global norm and AdamW as a graph, after torch.optim.AdamW and torch.nn.utils.clip_grad_norm_.
 * P trainable parameters in one vector.
 */
import type { GraphBuilder } from '../graph/build.ts'
import type { Value } from '../graph/node.ts'
import { add, cast, div, min, mul, sqrt, sub } from '../graph/operators/elementwise.ts'
import { reduceSumSquare } from '../graph/operators/reduce.ts'

/** Scalars of one update, as torch computes them in double precision before it touches tensors. */
export type UpdateScalars = {
  readonly targets: number
  readonly maxGradientNorm: number
  /** 1 - lr·decay */
  readonly keep: number
  readonly beta1: number
  readonly oneMinusBeta1: number
  readonly beta2: number
  readonly oneMinusBeta2: number
  /** lr / (1 - β1ᵏ) */
  readonly stepSize: number
  /** √(1 - β2ᵏ) */
  readonly correction: number
  readonly epsilon: number
}

export type AdamWOptions = {
  readonly learningRate: number
  /** from 1 */
  readonly step: number
  readonly targets: number
  readonly maxGradientNorm: number
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
  readonly weightDecay: number
}

export const updateScalars = (options: AdamWOptions): UpdateScalars => {
  const { learningRate, step, beta1, beta2, weightDecay } = options
  return {
    targets: options.targets,
    maxGradientNorm: options.maxGradientNorm,
    keep: 1 - learningRate * weightDecay,
    beta1,
    oneMinusBeta1: 1 - beta1,
    beta2,
    oneMinusBeta2: 1 - beta2,
    stepSize: learningRate / (1 - beta1 ** step),
    correction: Math.sqrt(1 - beta2 ** step),
    epsilon: options.epsilon,
  }
}

export type AdamWState = {
  readonly parameters: Value
  readonly firstMoments: Value
  readonly secondMoments: Value
}

/** Summed in double precision: 10⁷ squares lose digits in single. */
const globalNorm = (g: GraphBuilder, gradient: Value): Value =>
  cast(g, sqrt(g, reduceSumSquare(g, cast(g, gradient, 'float64'), [0], false)), 'float32')

/** @param gradientSums over the targets of the window, (P) @returns the state after the update, and the norm before clipping */
export const adamW = (
  g: GraphBuilder,
  state: AdamWState,
  gradientSums: Value,
  s: Readonly<Record<keyof UpdateScalars, Value>>,
): AdamWState & { readonly gradientNorm: Value } => {
  const mean = div(g, gradientSums, s.targets)
  const gradientNorm = globalNorm(g, mean)
  const ratio = div(g, s.maxGradientNorm, add(g, gradientNorm, g.scalar('float32', 1e-6)))
  const d = mul(g, mean, min(g, ratio, g.scalar('float32', 1)))

  const blend = (old: Value, kept: Value, value: Value, taken: Value) =>
    add(g, mul(g, old, kept), mul(g, value, taken))
  const firstMoments = blend(state.firstMoments, s.beta1, d, s.oneMinusBeta1)
  const secondMoments = blend(state.secondMoments, s.beta2, mul(g, d, d), s.oneMinusBeta2)
  const root = add(g, div(g, sqrt(g, secondMoments), s.correction), s.epsilon)
  const step = mul(g, div(g, firstMoments, root), s.stepSize)
  const parameters = sub(g, mul(g, state.parameters, s.keep), step)
  return { parameters, firstMoments, secondMoments, gradientNorm }
}
