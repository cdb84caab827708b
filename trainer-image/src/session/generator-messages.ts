/** What the generator and its worker thread say to each other. */
import type { ModelConfig } from '../model/config.ts'

export type GeneratorStart = {
  readonly modelPath: string
  readonly threads: number
  readonly config: ModelConfig
  /** (1) not 0: end the work between two steps */
  readonly stop: Int32Array<SharedArrayBuffer>
}

export type GenerateRequest = {
  readonly id: number
  readonly prompts: readonly Int32Array[]
  readonly adapterScale: number
  readonly maxNewTokens: number
  /** at most so many prompts at once */
  readonly batchSize: number
  /** memory that the key-value cache may take */
  readonly cacheBytes: number
}

export type GeneratorReply =
  | { readonly kind: 'ready' }
  | {
      readonly kind: 'answer'
      readonly id: number
      /** index of the prompt */
      readonly prompt: number
      readonly tokens: Int32Array
    }
  | {
      readonly kind: 'step'
      readonly id: number
      readonly answers: number
      readonly tokens: number
    }
  | {
      readonly kind: 'done'
      readonly id: number
      /** undefined when stopped */
      readonly answers?: readonly Int32Array[] | undefined
    }
  | { readonly kind: 'failed'; readonly id?: number | undefined; readonly message: string }
