/** A family of models: its forward pass, and the tensors that the pass reads. */
import type { ModelConfig } from '../config.ts'
import type { Forward } from './ops.ts'

export type LinearShape = {
  /** below the layer: `self_attn.q_proj` */
  readonly path: string
  readonly inFeatures: number
  readonly outFeatures: number
}

export type Family = {
  readonly forward: Forward
  /** a layer's norms over the hidden size */
  readonly norms: readonly string[]
  /** a layer's linear layers, those together that the forward pass asks for together */
  readonly linears: (config: ModelConfig, layer: number) => readonly (readonly LinearShape[])[]
}
