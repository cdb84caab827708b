/** config.json (keys of transformers 4 and 5) → ModelConfig; defaults are those of transformers' configurations. */
import { modelTypeOf, unsupportedConfig } from '@attune/crds/unsupported-config.ts'
import { modelMalformed, modelUnsupported } from '../stage-error.ts'
import type { JsonObject } from '../weights/read-json.ts'
import type { Architecture, ModelConfig } from './config.ts'
import { integer, LIMITS, real, tokenIds } from './read-config-fields.ts'
import {
  biasesOf,
  kvHeadsOf,
  layersWithoutRope,
  unlessEmpty,
  windowsOf,
} from './read-config-layers.ts'
import { ropeOfJson } from './read-config-rope.ts'

const at = (key: string) => `config.json: ${key}`

type Defaults = { readonly tied?: true; readonly headDim?: number; readonly epsilon?: number }

/** Where they are not LlamaConfig's: an untied head, hidden size by heads, 1e-6. */
const DEFAULTS: Readonly<Partial<Record<Architecture, Defaults>>> = {
  qwen3: { headDim: 128 },
  smollm3: { tied: true },
  gemma2: { tied: true, headDim: 256 },
  gemma3_text: { tied: true, headDim: 256 },
  phi3: { epsilon: 1e-5 },
}

/** @param generation generation_config.json, whose end tokens count too */
export const configFromJson = (json: JsonObject, generation: JsonObject): ModelConfig => {
  const architecture = supportedArchitecture(json)
  const { tied = false, headDim: usual, epsilon = 1e-6 } = DEFAULTS[architecture] ?? {}
  const size = (key: string, most: number) => integer(at(key), json[key], 1, most)
  const vocabSize = size('vocab_size', LIMITS.vocabSize)
  const hiddenSize = size('hidden_size', LIMITS.hiddenSize)
  const layers = size('num_hidden_layers', LIMITS.layers)
  const heads = size('num_attention_heads', LIMITS.heads)
  const headDim = headDimOf(json['head_dim'] ?? usual ?? hiddenSize / heads)
  const bos = tokenIds(at('bos_token_id'), json['bos_token_id'], vocabSize)[0]
  const maxPositions = positionsOf(json, architecture)
  return {
    architecture,
    vocabSize,
    hiddenSize,
    intermediateSize: size('intermediate_size', LIMITS.intermediateSize),
    layers,
    heads,
    kvHeads: kvHeadsOf(json, layers, heads),
    headDim,
    rmsNormEpsilon: real(at('rms_norm_eps'), json['rms_norm_eps'] ?? epsilon, 1e-12, 0.1),
    ...ropeOfJson(json, { architecture, headDim, maxPositions }),
    tieWordEmbeddings: (json['tie_word_embeddings'] ?? tied) === true,
    ...(bos === undefined ? {} : { bosTokenId: bos }),
    eosTokenIds: endTokens(json, generation, vocabSize),
    ...unlessEmpty('windows', windowsOf(json, architecture, layers)),
    ...unlessEmpty('layersWithoutRope', layersWithoutRope(json, architecture, layers)),
    ...unlessEmpty('biases', biasesOf(json, architecture)),
    ...(architecture === 'qwen3' || architecture === 'gemma3_text' ? { queryKeyNorm: true } : {}),
    ...attentionOf(json, architecture),
  }
}

const supportedArchitecture = (json: JsonObject): Architecture => {
  const problem = unsupportedConfig(json)
  if (problem !== undefined) throw modelUnsupported(problem)
  return modelTypeOf(json)!
}

/** Only a Llama's may be missing, as in the first of them. */
const positionsOf = (json: JsonObject, architecture: Architecture): number => {
  const key = 'max_position_embeddings'
  const value = json[key] ?? (architecture === 'llama' ? 2048 : undefined)
  return integer(at(key), value, 1, LIMITS.maxPositions)
}

const headDimOf = (value: unknown): number => {
  const headDim = integer(at('head_dim'), value, 2, LIMITS.headDim)
  if (headDim % 2 !== 0) throw modelMalformed(`${at('head_dim')} is ${headDim}; it must be even`)
  return headDim
}

type Gemma = Partial<Pick<ModelConfig, 'attentionScale' | 'attentionSoftcap' | 'logitSoftcap'>>

/** Gemma's scale of attention, and what scores and logits are held below. */
const attentionOf = (json: JsonObject, architecture: Architecture): Gemma => {
  if (architecture !== 'gemma2' && architecture !== 'gemma3_text') return {}
  const isSecond = architecture === 'gemma2'
  const scalar = json['query_pre_attn_scalar'] ?? 256
  const cap = (key: string, missing: number) => {
    const value = json[key] === undefined && isSecond ? missing : (json[key] ?? null)
    return value === null ? undefined : real(at(key), value, 1e-3, 1e6)
  }
  const [scores, logits] = [cap('attn_logit_softcapping', 50), cap('final_logit_softcapping', 30)]
  return {
    attentionScale: real(at('query_pre_attn_scalar'), scalar, 1e-6, 1e9) ** -0.5,
    ...(scores === undefined ? {} : { attentionSoftcap: scores }),
    ...(logits === undefined ? {} : { logitSoftcap: logits }),
  }
}

const endTokens = (json: JsonObject, generation: JsonObject, vocabSize: number) => [
  ...new Set([
    ...tokenIds(at('eos_token_id'), json['eos_token_id'], vocabSize),
    ...tokenIds('generation_config.json: eos_token_id', generation['eos_token_id'], vocabSize),
  ]),
]
