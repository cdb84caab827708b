/** What the Train stage needs of the engine; the implementation runs ONNX Runtime in a worker thread. B rows, T tokens a row, N targets. */
import type { AdapterTensors } from '../model/adapter.ts'

export type MicroBatch = {
  readonly rows: number
  readonly length: number
  /** (B·T) */
  readonly tokens: Int32Array
  /** (B·T) position within the document */
  readonly positions: Int32Array
  /** (B·T) document number within the row, 0 = padding */
  readonly segments: Int32Array
  /** (N) flat index b·T + t of the hidden state that predicts the target at t + 1 */
  readonly targetPositions: Int32Array
  /** (N) token to predict there */
  readonly targetTokens: Int32Array
  /** optimizer steps done before: dropout's masks and the embeddings' noise follow from it; 0 if absent */
  readonly step?: number
  /** what the gradients are multiplied by, in float16: a power of two, the same up to the update; 1 if absent */
  readonly lossScale?: number
}

export type UpdateOptions = {
  readonly learningRate: number
  /** from 1; the bias correction's exponent */
  readonly step: number
  /** targets of the whole accumulation window: gradients are summed over it and divided by this */
  readonly targets: number
  readonly maxGradientNorm: number
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
  readonly weightDecay: number
  /** that of the micro-batches since the last update; 1 if absent */
  readonly lossScale?: number
}

/** Everything that a resume needs of the engine: parameters and both Adam moments, by name. */
export type EngineState = {
  readonly parameters: AdapterTensors
  readonly firstMoments: AdapterTensors
  readonly secondMoments: AdapterTensors
}

export type Accumulated = { readonly lossSum: number }
export type Evaluated = { readonly lossSum: number; readonly correct: number }

export type TrainingEngine = {
  /** Makes what such a micro-batch needs, if it is not there yet. It may take seconds, in which nothing is computed. */
  open(use: 'accumulate' | 'evaluate', batch: MicroBatch): Promise<void>
  /** adds this micro-batch's gradient sums to those held since the last update; where it fails, perhaps a part of them */
  accumulate(batch: MicroBatch): Promise<Accumulated>
  /** clips, steps, and clears the gradient sums; returns the global norm before clipping. One that is not finite changes nothing. */
  update(options: UpdateOptions): Promise<{ readonly gradientNorm: number }>
  evaluate(batch: MicroBatch): Promise<Evaluated>
  /** the state after the last update, without gradient sums: copies of an adapter, views of weights that are trained whole, which the next update changes */
  state(): Promise<EngineState>
  close(): Promise<void>
}
