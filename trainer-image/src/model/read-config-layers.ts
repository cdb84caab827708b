/** What of a config.json tells one layer from another; defaults are those of transformers' configurations. */
import { modelMalformed } from '../stage-error.ts'
import type { JsonObject } from '../weights/read-json.ts'
import type { Architecture, ModelConfig } from './config.ts'
import { integer, LIMITS, perLayer, show } from './read-config-fields.ts'

const at = (key: string) => `config.json: ${key}`

/** DeciLM is told by its list of counts, and not by its model_type, which may be llama. */
export const kvHeadsOf = (json: JsonObject, layers: number, heads: number): readonly number[] => {
  const each = json['num_key_value_heads_per_layer']
  const key = Array.isArray(each) ? 'num_key_value_heads_per_layer' : 'num_key_value_heads'
  const counts = perLayer(at(key), json[key] ?? heads, layers)
  for (const count of counts)
    if (heads % count !== 0)
      throw modelMalformed(`${at(key)} is ${count}, which does not divide ${heads} attention heads`)
  return counts
}

/** A list that says something of each layer. */
const listed = (json: JsonObject, key: string, layers: number): readonly unknown[] | undefined => {
  const list = json[key]
  if (list === undefined || list === null) return undefined
  if (!Array.isArray(list) || list.length < layers)
    throw modelMalformed(`${at(key)} is ${show(list)}; a list of ${layers}, one a layer, is needed`)
  return list
}

const hasRope = (json: JsonObject, layers: number) => {
  const flags = listed(json, 'no_rope_layers', layers)
  const key = 'no_rope_layer_interval'
  const interval = integer(at(key), json[key] ?? 4, 1, LIMITS.layers)
  // despite its name a 1 in the list means that the layer rotates
  return (layer: number) =>
    flags ? integer(at('no_rope_layers'), flags[layer], 0, 1) === 1 : (layer + 1) % interval !== 0
}

export const layersWithoutRope = (
  json: JsonObject,
  architecture: Architecture,
  layers: number,
): readonly number[] => {
  if (architecture !== 'smollm3') return []
  const rotates = hasRope(json, layers)
  return Array.from({ length: layers }, (_, layer) => layer).filter(layer => !rotates(layer))
}

/** @returns which layers have a window where `layer_types` does not say */
const slidingByDefault = (json: JsonObject, architecture: Architecture, layers: number) => {
  const number = (key: string, missing: number) =>
    integer(at(key), json[key] ?? missing, 0, LIMITS.layers)
  switch (architecture) {
    case 'qwen2':
    case 'qwen3': {
      const first = number('max_window_layers', 28)
      return (layer: number) => layer >= first
    }
    case 'smollm3': {
      const rotates = hasRope(json, layers)
      return (layer: number) => !rotates(layer)
    }
    case 'gemma2':
      return (layer: number) => layer % 2 === 0
    case 'gemma3_text': {
      const pattern = Math.max(1, number('sliding_window_pattern', 6))
      return (layer: number) => (layer + 1) % pattern !== 0
    }
    default:
      return () => true
  }
}

const OPTIONAL: readonly Architecture[] = ['qwen2', 'qwen3', 'smollm3']
const WINDOW: Readonly<Partial<Record<Architecture, number>>> = {
  mistral: 4096,
  gemma2: 4096,
  gemma3_text: 4096,
}

/** @returns tokens that one sees in each layer; null: all before it */
export const windowsOf = (
  json: JsonObject,
  architecture: Architecture,
  layers: number,
): readonly (number | null)[] => {
  const types = listed(json, 'layer_types', layers)
  const isOff = OPTIONAL.includes(architecture) && json['use_sliding_window'] !== true
  const given = json['sliding_window'] === undefined ? WINDOW[architecture] : json['sliding_window']
  const size = isOff ? undefined : given
  const byDefault =
    size === undefined || size === null ? () => false : slidingByDefault(json, architecture, layers)
  return Array.from({ length: layers }, (_, layer) => {
    const slides = types ? types[layer] === 'sliding_attention' : byDefault(layer)
    return slides ? integer(at('sliding_window'), size, 1, LIMITS.maxPositions) : null
  })
}

const ATTENTION = ['q_proj', 'k_proj', 'v_proj', 'o_proj'] as const
const MLP = ['gate_proj', 'up_proj', 'down_proj'] as const

/** @returns modules that have a bias */
export const biasesOf = (json: JsonObject, architecture: Architecture): readonly string[] => {
  switch (architecture) {
    case 'qwen2':
      return ['q_proj', 'k_proj', 'v_proj']
    case 'llama':
    case 'smollm3':
      return [
        ...(json['attention_bias'] === true ? ATTENTION : []),
        ...(json['mlp_bias'] === true ? MLP : []),
      ]
    case 'qwen3':
    case 'gemma2':
    case 'gemma3_text':
      return json['attention_bias'] === true ? ATTENTION : []
    default:
      return []
  }
}

/** @returns what is not nothing, under `key` */
export const unlessEmpty = <K extends 'windows' | 'biases' | 'layersWithoutRope'>(
  key: K,
  values: NonNullable<ModelConfig[K]>,
): Partial<ModelConfig> => (values.some(value => value !== null) ? { [key]: values } : {})
