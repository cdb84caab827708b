/** What the engine's two sides say to each other across the thread boundary. */
import type { TuningMethod } from '../model/adapter.ts'
import type { ModelConfig } from '../model/config.ts'
import type { HalfType } from '../precision/half-type.ts'
import type { Recompute } from './programs.ts'
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
  readonly recompute: Recompute
  /** holds the weights; graphs are written beside them */
  readonly folder: string
  readonly threads: number
  /** gets ONNX Runtime's profiles of the first steps; nothing is profiled if absent */
  readonly profileFolder?: string
}

export type EngineCommand =
  | {
      readonly kind: 'open'
      readonly use: 'accumulate' | 'evaluate'
      readonly rows: number
      readonly length: number
    }
  | { readonly kind: 'accumulate'; readonly batch: MicroBatch }
  | { readonly kind: 'evaluate'; readonly batch: MicroBatch }
  | { readonly kind: 'update'; readonly options: UpdateOptions }
  | { readonly kind: 'wait' }
  | { readonly kind: 'close' }

export type EngineRequest = EngineCommand & { readonly id: number }

export type EngineReply =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: string }
