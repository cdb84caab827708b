/** config.json (keys of transformers 4 and 5) → ModelConfig; defaults are those of transformers' LlamaConfig. */
import { SUPPORTED_ARCHITECTURES } from '@attune/crds/supported-architectures.ts'
import { modelMalformed, modelUnsupported } from '../stage-error.ts'
import { isJsonObject, type JsonObject } from '../weights/read-json.ts'
import type { ModelConfig } from './config.ts'
import { integer, LIMITS, perLayer, real, show, tokenIds } from './read-config-fields.ts'

const at = (key: string) => `config.json: ${key}`

/** @param generation generation_config.json, whose end tokens count too */
export const configFromJson = (json: JsonObject, generation: JsonObject): ModelConfig => {
  refuseOtherArchitectures(json)
  refuseVariants(json)
  const size = (key: string, most: number) => integer(at(key), json[key], 1, most)
  const vocabSize = size('vocab_size', LIMITS.vocabSize)
  const hiddenSize = size('hidden_size', LIMITS.hiddenSize)
  const layers = size('num_hidden_layers', LIMITS.layers)
  const heads = size('num_attention_heads', LIMITS.heads)
  const bos = tokenIds(at('bos_token_id'), json['bos_token_id'], vocabSize)[0]
  return {
    architecture: 'llama',
    vocabSize,
    hiddenSize,
    intermediateSize: size('intermediate_size', LIMITS.intermediateSize),
    layers,
    heads,
    kvHeads: kvHeadsOf(json, layers, heads),
    headDim: headDimOf(json['head_dim'] ?? hiddenSize / heads),
    rmsNormEpsilon: real(at('rms_norm_eps'), json['rms_norm_eps'] ?? 1e-6, 1e-12, 0.1),
    ropeTheta: ropeThetaOf(json),
    maxPositions: integer(
      at('max_position_embeddings'),
      json['max_position_embeddings'] ?? 2048,
      1,
      LIMITS.maxPositions,
    ),
    tieWordEmbeddings: json['tie_word_embeddings'] === true,
    ...(bos === undefined ? {} : { bosTokenId: bos }),
    eosTokenIds: endTokens(json, generation, vocabSize),
  }
}

const refuseOtherArchitectures = (json: JsonObject) => {
  const type = json['model_type']
  const architectures = json['architectures']
  const named = Array.isArray(architectures) ? architectures : []
  const isNamed = named.some(name => SUPPORTED_ARCHITECTURES.includes(String(name)))
  // DeciLM-6B names its architecture only
  const isTyped = type === 'llama' || type === 'deci' || (type === undefined && isNamed)
  if (!isTyped || (named.length > 0 && !isNamed))
    throw modelUnsupported(
      `config.json: model_type ${show(type)} with architectures ${show(architectures)}; only the Llama architecture (LlamaForCausalLM) is supported: choose such a model`,
    )
}

/** What would change the computation, with the only value under which it does not. */
const PLAIN: readonly (readonly [key: string, plain: readonly unknown[]])[] = [
  ['hidden_act', ['silu', undefined]],
  ['attention_bias', [false, null, undefined]],
  ['mlp_bias', [false, null, undefined]],
  ['sliding_window', [null, undefined]],
  ['partial_rotary_factor', [1, null, undefined]],
  ['rope_interleaved', [false, null, undefined]],
  ['quantization_config', [null, undefined]],
  ['block_configs', [null, undefined]],
]

const refuseVariants = (json: JsonObject) => {
  for (const [key, plain] of PLAIN)
    if (!plain.includes(json[key]))
      throw modelUnsupported(
        `config.json: ${key} is ${show(json[key])}, which is not supported; supported: ${plain.map(show).join(', ')}`,
      )
}

const kvHeadsOf = (json: JsonObject, layers: number, heads: number): readonly number[] => {
  const each = json['num_key_value_heads_per_layer']
  const key = Array.isArray(each) ? 'num_key_value_heads_per_layer' : 'num_key_value_heads'
  const counts = perLayer(at(key), json[key] ?? heads, layers)
  for (const count of counts)
    if (heads % count !== 0)
      throw modelMalformed(`${at(key)} is ${count}, which does not divide ${heads} attention heads`)
  return counts
}

const headDimOf = (value: unknown): number => {
  const headDim = integer(at('head_dim'), value, 2, LIMITS.headDim)
  if (headDim % 2 !== 0) throw modelMalformed(`${at('head_dim')} is ${headDim}; it must be even`)
  return headDim
}

/**
 * Dynamic NTK scaling changes RoPE only for rows longer than `max_position_embeddings` (transformers,
 * `LlamaDynamicNTKScalingRotaryEmbedding`), and no row here is.
 */
const isDynamicAsPlain = (type: unknown, scaling: JsonObject, json: JsonObject): boolean => {
  const positions = json['max_position_embeddings'] ?? 2048
  return (
    type === 'dynamic' && (scaling['original_max_position_embeddings'] ?? positions) === positions
  )
}

/** transformers 5 keeps RoPE's settings in rope_parameters, transformers 4 in rope_theta and rope_scaling. */
const ropeThetaOf = (json: JsonObject): number => {
  const parameters = isJsonObject(json['rope_parameters']) ? json['rope_parameters'] : {}
  for (const [key, value] of [
    ['rope_scaling', json['rope_scaling']],
    ['rope_parameters', json['rope_parameters']],
  ] as const) {
    if (!isJsonObject(value)) continue
    const type = value['rope_type'] ?? value['type'] ?? 'default'
    if (type !== 'default' && !isDynamicAsPlain(type, value, json))
      throw modelUnsupported(
        `${at(key)} asks for RoPE scaling of type ${show(type)}; only models without RoPE scaling are supported`,
      )
  }
  const theta = parameters['rope_theta'] ?? json['rope_theta'] ?? 10_000
  return real(at('rope_theta'), theta, 1, 1e12)
}

const endTokens = (json: JsonObject, generation: JsonObject, vocabSize: number) => [
  ...new Set([
    ...tokenIds(at('eos_token_id'), json['eos_token_id'], vocabSize),
    ...tokenIds('generation_config.json: eos_token_id', generation['eos_token_id'], vocabSize),
  ]),
]
