import type { ModelType } from '@attune/crds/supported-architectures.ts'

/** DeciLM is a Llama with KV heads of its own by layer. */
export type Architecture = ModelType

/** How RoPE's frequencies theta^(-2i/D) are changed for contexts longer than those that the model was first trained on. */
export type RopeScaling =
  /** all divided by `factor` (arXiv:2306.15595) */
  | { readonly type: 'linear'; readonly factor: number }
  /** low ones divided by `factor`, those between the two bounds in part (Llama 3.1) */
  | {
      readonly type: 'llama3'
      readonly factor: number
      readonly lowFrequencyFactor: number
      readonly highFrequencyFactor: number
      readonly originalMaxPositions: number
    }
  /** each divided by its own factor, cosines and sines times `attentionFactor`, up to the original context (arXiv:2402.13753) */
  | {
      readonly type: 'longrope'
      readonly shortFactors: readonly number[]
      readonly attentionFactor: number
      /** what rows longer than the original context are rotated by, which are not trained here but published */
      readonly beyond?: { readonly factors: readonly number[]; readonly maxPositions: number }
    }

/**
 * Shape of a decoder-only transformer, read from config.json or GGUF metadata. What a plain Llama has none of is absent
 * there; what an architecture always has (Gemma's norms, Phi-3's joined layers) its forward pass knows.
 */
export type ModelConfig = {
  readonly architecture: Architecture
  readonly vocabSize: number
  readonly hiddenSize: number
  readonly intermediateSize: number
  readonly layers: number
  readonly heads: number
  /** KV heads of each layer (they differ by layer in DeciLM) */
  readonly kvHeads: readonly number[]
  readonly headDim: number
  readonly rmsNormEpsilon: number
  readonly ropeTheta: number
  readonly maxPositions: number
  readonly tieWordEmbeddings: boolean
  readonly bosTokenId?: number
  /** tokens that end a generation */
  readonly eosTokenIds: readonly number[]
  readonly ropeScaling?: RopeScaling
  /** how many values of each head are rotated, the first ones; absent: all */
  readonly rotaryDim?: number
  /** layers whose queries and keys are not rotated (SmolLM3) */
  readonly layersWithoutRope?: readonly number[]
  /** of each layer, how many tokens one sees, itself included; null: all before it. Absent: null everywhere */
  readonly windows?: readonly (number | null)[]
  /** RoPE's base, without scaling, of the layers that have a window (Gemma 3); absent: they rotate as the others */
  readonly localRopeTheta?: number
  /** modules, by name without path, that add a bias (`q_proj`) */
  readonly biases?: readonly string[]
  /** each head's queries and keys are normalized before they are rotated */
  readonly queryKeyNorm?: true
  /** what a query's product with a key is multiplied by; absent: 1 / √headDim */
  readonly attentionScale?: number
  /** scores s become cap · tanh(s / cap) before the mask */
  readonly attentionSoftcap?: number
  /** logits become cap · tanh(logit / cap) */
  readonly logitSoftcap?: number
}

/** Weights under their Hugging Face names (`model.layers.0.self_attn.q_proj.weight`, `[out, in]`) and with the values stored there, whatever file they come from. */
export type Weights = {
  readonly names: readonly string[]
  /** @returns dimensions, outermost first */
  shape(name: string): readonly number[]
  /**
   * @param room memory that the result may lie in, so that tensors read one after the other need no more than the largest
   * @returns the tensor as row-major float32, dequantized; without `room` a new array at each call
   */
  read(name: string, room?: Float32Array): Promise<Float32Array>
  close(): Promise<void>
}
