/** config.json of a Llama that came as GGUF, in the keys that transformers 4 and 5 both read. */
import type { ModelConfig, RopeScaling } from '../../model/config.ts'

/** @returns what stands against it; undefined where nothing does */
export const configProblem = ({ architecture, kvHeads }: ModelConfig): string | undefined => {
  if (architecture !== 'llama')
    return `the base came as GGUF, and config.json is made from its metadata for architecture llama only, not ${architecture}; take the base from its folder with config.json`
  return new Set(kvHeads).size > 1
    ? 'the base came as GGUF with KV heads that differ by layer, which a Llama of transformers has not; take the base from its folder with config.json'
    : undefined
}

const ropeScaling = (scaling: RopeScaling) => {
  switch (scaling.type) {
    case 'linear':
      return { rope_type: 'linear', factor: scaling.factor }
    case 'llama3':
      return {
        rope_type: 'llama3',
        factor: scaling.factor,
        low_freq_factor: scaling.lowFrequencyFactor,
        high_freq_factor: scaling.highFrequencyFactor,
        original_max_position_embeddings: scaling.originalMaxPositions,
      }
    case 'longrope':
      throw new TypeError('a Llama has no RoPE scaling of type longrope')
  }
}

const oneOrAll = (ids: readonly number[]) => (ids.length === 1 ? ids[0] : ids)

export const configFromGguf = (
  config: ModelConfig,
  eosTokenIds: readonly number[],
  torchDtype: string,
): object => ({
  architectures: ['LlamaForCausalLM'],
  attention_bias: false,
  ...(config.bosTokenId === undefined ? {} : { bos_token_id: config.bosTokenId }),
  ...(eosTokenIds.length > 0 ? { eos_token_id: oneOrAll(eosTokenIds) } : {}),
  head_dim: config.headDim,
  hidden_act: 'silu',
  hidden_size: config.hiddenSize,
  intermediate_size: config.intermediateSize,
  max_position_embeddings: config.maxPositions,
  mlp_bias: false,
  model_type: 'llama',
  num_attention_heads: config.heads,
  num_hidden_layers: config.layers,
  num_key_value_heads: config.kvHeads[0],
  rms_norm_eps: config.rmsNormEpsilon,
  rope_scaling: config.ropeScaling ? ropeScaling(config.ropeScaling) : null,
  rope_theta: config.ropeTheta,
  tie_word_embeddings: config.tieWordEmbeddings,
  torch_dtype: torchDtype,
  vocab_size: config.vocabSize,
})

export const generationConfigOf = (
  { bosTokenId }: ModelConfig,
  eosTokenIds: readonly number[],
): object => ({
  _from_model_config: true,
  ...(bosTokenId === undefined ? {} : { bos_token_id: bosTokenId }),
  ...(eosTokenIds.length > 0 ? { eos_token_id: oneOrAll(eosTokenIds) } : {}),
})
