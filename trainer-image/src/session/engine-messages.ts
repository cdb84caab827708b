/** What the engine's two sides say to each other across the thread boundary. */
import type { TuningMethod } from '../model/adapter.ts'
import type { ModelConfig } from '../model/config.ts'
import type { HalfType } from '../precision/half-type.ts'
import type { Recompute } from './programs.ts'
import type { StepSession } from './session-key.ts'
import type { SharedWeights } from './shared-weights.ts'
import type { MicroBatch, UpdateOptions } from './training-engine.ts'
import type { StoredWeight } from './weights-file.ts'

/** P trainable parameters, in the order of `parameterSlots`; both threads see the same memory. */
export type FlatState = {
  readonly parameters: Float32Array
  readonly firstMoments: Float32Array
  readonly secondMoments: Float32Array
}

export type EngineStart = {
  readonly config: ModelConfig
  readonly method: TuningMethod
  /** of dropout and noise */
  readonly seed: number
  /** what training adds to the embeddings lies within; nothing if absent */
  readonly noiseBound?: number
  readonly labelSmoothing?: number
  readonly half?: HalfType
  readonly weights: readonly StoredWeight[]
  readonly state: FlatState
  /** how many engines compute side by side, this one among them */
  readonly replicas: number
  /** (P) of the gradients since the last update; a run adds to them in place */
  readonly sums: Float32Array
  /** those of the other replicas, which an update adds to its own and clears */
  readonly otherSums?: readonly Float32Array[]
  readonly recompute: Recompute
  /** holds the weights; graphs are written beside them */
  readonly folder: string
  /** the weights where sessions do not map them from the file */
  readonly sharedWeights?: SharedWeights
  /** of an update */
  readonly threads: number
  /** gets ONNX Runtime's profiles of the first steps; nothing is profiled if absent */
  readonly profileFolder?: string
}

export type EngineCommand =
  | { readonly kind: 'open'; readonly session: StepSession }
  | { readonly kind: 'accumulate'; readonly batch: MicroBatch; readonly threads: number }
  | { readonly kind: 'evaluate'; readonly batch: MicroBatch; readonly threads: number }
  | { readonly kind: 'update'; readonly options: UpdateOptions }
  | { readonly kind: 'close' }

export type EngineRequest = EngineCommand & { readonly id: number }

export type EngineReply =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: string }
