/** config.json of a model that came as GGUF, in the keys that transformers 4 and 5 both read. */
import { unsupportedConfig } from '@attune/crds/unsupported-config.ts'
import { namedScaling } from '../gguf/rope-factors.ts'
import { isUniform } from '../gguf/written-architecture.ts'
import type { Architecture, ModelConfig } from '../../model/config.ts'
import { configFromJson } from '../../model/read-config-json.ts'
import type { JsonObject } from '../../weights/read-json.ts'
import { differingField } from './differing-field.ts'
import { familyKeys } from './family-keys.ts'

const CLASSES: Readonly<Record<Architecture, string>> = {
  llama: 'LlamaForCausalLM',
  mistral: 'MistralForCausalLM',
  qwen2: 'Qwen2ForCausalLM',
  qwen3: 'Qwen3ForCausalLM',
  smollm3: 'SmolLM3ForCausalLM',
  gemma2: 'Gemma2ForCausalLM',
  gemma3_text: 'Gemma3ForCausalLM',
  phi3: 'Phi3ForCausalLM',
}

/** A Llama whose KV heads differ by layer is DeciLM. */
const classOf = ({ architecture, kvHeads }: ModelConfig) =>
  architecture === 'llama' && !isUniform(kvHeads)
    ? {
        architectures: ['DeciLMForCausalLM'],
        model_type: 'deci',
        num_key_value_heads: Math.max(...kvHeads),
        num_key_value_heads_per_layer: kvHeads,
      }
    : {
        architectures: [CLASSES[architecture]],
        model_type: architecture,
        num_key_value_heads: kvHeads[0],
      }

const oneOrAll = (ids: readonly number[]) => (ids.length === 1 ? ids[0] : ids)

export const configFromGguf = (
  config: ModelConfig,
  eosTokenIds: readonly number[],
  torchDtype: string,
): JsonObject => {
  const { architectures, ...counted } = classOf(config)
  return {
    architectures,
    attention_bias: config.biases?.includes('o_proj') === true,
    ...(config.bosTokenId === undefined ? {} : { bos_token_id: config.bosTokenId }),
    ...(eosTokenIds.length > 0 ? { eos_token_id: oneOrAll(eosTokenIds) } : {}),
    head_dim: config.headDim,
    hidden_size: config.hiddenSize,
    intermediate_size: config.intermediateSize,
    max_position_embeddings: config.maxPositions,
    mlp_bias: config.biases?.includes('down_proj') === true,
    ...counted,
    num_attention_heads: config.heads,
    num_hidden_layers: config.layers,
    rms_norm_eps: config.rmsNormEpsilon,
    rope_theta: config.ropeTheta,
    tie_word_embeddings: config.tieWordEmbeddings,
    torch_dtype: torchDtype,
    vocab_size: config.vocabSize,
    ...familyKeys(config),
  }
}

/**
 * What is made of a GGUF is right where reading it gives the model again.
 * @returns what stands against it; undefined where nothing does
 */
export const configProblem = (config: ModelConfig): string | undefined => {
  const made = configFromGguf(config, config.eosTokenIds, 'float16')
  const { ropeScaling: _, ...rest } = config
  const scaling = namedScaling(config)
  const problem =
    unsupportedConfig(made) ??
    differingField(
      { ...rest, ...(scaling ? { ropeScaling: scaling } : {}) },
      configFromJson(made, {}),
    )
  return problem === undefined && (scaling !== undefined || config.ropeScaling === undefined)
    ? undefined
    : `the base came as GGUF with ${problem ?? 'RoPE factors'} that no config.json of transformers says; take the base from its folder with config.json`
}

export const generationConfigOf = (
  { bosTokenId }: ModelConfig,
  eosTokenIds: readonly number[],
): object => ({
  _from_model_config: true,
  ...(bosTokenId === undefined ? {} : { bos_token_id: bosTokenId }),
  ...(eosTokenIds.length > 0 ? { eos_token_id: oneOrAll(eosTokenIds) } : {}),
})
