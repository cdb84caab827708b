/**
 * Clipping by global norm and AdamW as graphs, after torch.optim.AdamW and torch.nn.utils.clip_grad_norm_.
 * P of the trainable parameters, one behind the other.
 */
import type { GraphBuilder } from '../graph/build.ts'
import type { Value } from '../graph/node.ts'
import { add, cast, div, mul, sqrt, sub } from '../graph/operators/elementwise.ts'
import { reduceSumSquare } from '../graph/operators/reduce.ts'

/** Scalars of one update, as torch computes them in double precision before it touches tensors. */
export type UpdateScalars = {
  readonly targets: number
  /** what clipping multiplies gradients by */
  readonly clip: number
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

/** Parameters of a group share what their learning rate is multiplied by, and whether they decay. */
export type ParameterGroup = { readonly rateFactor: number; readonly decays: boolean }

export const updateScalars = (
  options: AdamWOptions,
  { rateFactor, decays }: ParameterGroup,
  clip: number,
): UpdateScalars => {
  const { step, beta1, beta2, weightDecay } = options
  const learningRate = options.learningRate * rateFactor
  return {
    targets: options.targets,
    clip,
    keep: decays ? 1 - learningRate * weightDecay : 1,
    beta1,
    oneMinusBeta1: 1 - beta1,
    beta2,
    oneMinusBeta2: 1 - beta2,
    stepSize: learningRate / (1 - beta1 ** step),
    correction: Math.sqrt(1 - beta2 ** step),
    epsilon: options.epsilon,
  }
}

/** @returns what gradients of this global norm are multiplied by, rounded as single precision does at each step */
export const clipFactor = (maxGradientNorm: number, gradientNorm: number): number => {
  const divisor = Math.fround(gradientNorm + Math.fround(1e-6))
  return Math.min(Math.fround(Math.fround(maxGradientNorm) / divisor), 1)
}

/** Summed in double precision: 10⁷ squares lose digits in single. @param gradientSums (P) @returns float64 */
export const sumOfSquares = (g: GraphBuilder, gradientSums: Value, targets: Value): Value => {
  const mean = cast(g, div(g, gradientSums, targets), 'float64')
  return reduceSumSquare(g, mean, [0], false)
}

export type AdamWState = {
  readonly parameters: Value
  readonly firstMoments: Value
  readonly secondMoments: Value
}

/** @param gradientSums over the targets of the window, (P) @returns the state after the update */
export const adamW = (
  g: GraphBuilder,
  state: AdamWState,
  gradientSums: Value,
  s: Readonly<Record<keyof UpdateScalars, Value>>,
): AdamWState => {
  const d = mul(g, div(g, gradientSums, s.targets), s.clip)
  const blend = (old: Value, kept: Value, value: Value, taken: Value) =>
    add(g, mul(g, old, kept), mul(g, value, taken))
  const firstMoments = blend(state.firstMoments, s.beta1, d, s.oneMinusBeta1)
  const secondMoments = blend(state.secondMoments, s.beta2, mul(g, d, d), s.oneMinusBeta2)
  const root = add(g, div(g, sqrt(g, secondMoments), s.correction), s.epsilon)
  const step = mul(g, div(g, firstMoments, root), s.stepSize)
  const parameters = sub(g, mul(g, state.parameters, s.keep), step)
  return { parameters, firstMoments, secondMoments }
}
