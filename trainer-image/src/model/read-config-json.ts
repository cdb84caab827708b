/** config.json (keys of transformers 4 and 5) → ModelConfig; defaults are those of transformers' LlamaConfig. */
import { unsupportedConfig } from '@attune/crds/unsupported-config.ts'
import { modelMalformed, modelUnsupported } from '../stage-error.ts'
import { isJsonObject, type JsonObject } from '../weights/read-json.ts'
import type { ModelConfig } from './config.ts'
import { integer, LIMITS, perLayer, real, tokenIds } from './read-config-fields.ts'

const at = (key: string) => `config.json: ${key}`

/** @param generation generation_config.json, whose end tokens count too */
export const configFromJson = (json: JsonObject, generation: JsonObject): ModelConfig => {
  refuseUnsupported(json)
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

const refuseUnsupported = (json: JsonObject) => {
  const problem = unsupportedConfig(json)
  if (problem !== undefined) throw modelUnsupported(problem)
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

/** transformers 5 keeps RoPE's settings in rope_parameters, transformers 4 in rope_theta and rope_scaling. */
const ropeThetaOf = (json: JsonObject): number => {
  const parameters = isJsonObject(json['rope_parameters']) ? json['rope_parameters'] : {}
  const theta = parameters['rope_theta'] ?? json['rope_theta'] ?? 10_000
  return real(at('rope_theta'), theta, 1, 1e12)
}

const endTokens = (json: JsonObject, generation: JsonObject, vocabSize: number) => [
  ...new Set([
    ...tokenIds(at('eos_token_id'), json['eos_token_id'], vocabSize),
    ...tokenIds('generation_config.json: eos_token_id', generation['eos_token_id'], vocabSize),
  ]),
]
