/** Shape of a decoder-only transformer of the Llama family, read from config.json or GGUF metadata. */
export type ModelConfig = {
  readonly architecture: 'llama'
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
}

/** Weights under their Hugging Face names (`model.layers.0.self_attn.q_proj.weight`, `[out, in]`), whatever file they come from. */
export type Weights = {
  readonly names: readonly string[]
  /** @returns dimensions, outermost first */
  shape(name: string): readonly number[]
  /** @returns the tensor as row-major float32, dequantized; a new array at each call */
  read(name: string): Promise<Float32Array>
  close(): Promise<void>
}
