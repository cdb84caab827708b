/** config.json of a model that came as GGUF, in the keys that transformers 4 and 5 both read. */
import { namedScaling } from '../gguf/rope-factors.ts'
import type { Architecture, ModelConfig, RopeScaling } from '../../model/config.ts'

const CLASSES: Readonly<Partial<Record<Architecture, string>>> = {
  llama: 'LlamaForCausalLM',
  qwen2: 'Qwen2ForCausalLM',
  qwen3: 'Qwen3ForCausalLM',
}

/** @returns what stands against it; undefined where nothing does */
export const configProblem = (config: ModelConfig): string | undefined => {
  const { architecture, kvHeads, biases, windows } = config
  const instead = 'take the base from its folder with config.json'
  if (!CLASSES[architecture])
    return `the base came as GGUF, and config.json is made of its metadata for ${Object.keys(CLASSES).join(', ')} only, not ${architecture}; ${instead}`
  if (new Set(kvHeads).size > 1)
    return `the base came as GGUF with KV heads that differ by layer, for which no config.json is made; ${instead}`
  if ((architecture === 'llama' && biases?.length) || windows?.some(window => window !== null))
    return `the base came as GGUF with biases or windows, for which no config.json is made; ${instead}`
  if (config.ropeScaling && !namedScaling(config))
    return `the base came as GGUF with RoPE factors that no scaling of transformers gives; ${instead}`
  return undefined
}

const ropeScaling = (scaling: RopeScaling): object | null => {
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
      return null
  }
}

const oneOrAll = (ids: readonly number[]) => (ids.length === 1 ? ids[0] : ids)

export const configFromGguf = (
  config: ModelConfig,
  eosTokenIds: readonly number[],
  torchDtype: string,
): object => {
  const scaling = namedScaling(config)
  return {
    architectures: [CLASSES[config.architecture]],
    attention_bias: false,
    ...(config.bosTokenId === undefined ? {} : { bos_token_id: config.bosTokenId }),
    ...(eosTokenIds.length > 0 ? { eos_token_id: oneOrAll(eosTokenIds) } : {}),
    head_dim: config.headDim,
    hidden_act: 'silu',
    hidden_size: config.hiddenSize,
    intermediate_size: config.intermediateSize,
    max_position_embeddings: config.maxPositions,
    mlp_bias: false,
    model_type: config.architecture,
    num_attention_heads: config.heads,
    num_hidden_layers: config.layers,
    num_key_value_heads: config.kvHeads[0],
    rms_norm_eps: config.rmsNormEpsilon,
    rope_scaling: scaling ? ropeScaling(scaling) : null,
    rope_theta: config.ropeTheta,
    tie_word_embeddings: config.tieWordEmbeddings,
    torch_dtype: torchDtype,
    vocab_size: config.vocabSize,
  }
}

export const generationConfigOf = (
  { bosTokenId }: ModelConfig,
  eosTokenIds: readonly number[],
): object => ({
  _from_model_config: true,
  ...(bosTokenId === undefined ? {} : { bos_token_id: bosTokenId }),
  ...(eosTokenIds.length > 0 ? { eos_token_id: oneOrAll(eosTokenIds) } : {}),
})
