/** What of a model's config.json (keys of transformers 4 and 5) the trainer cannot compute; trainer and operator say the same. */
import { SUPPORTED_ARCHITECTURES } from './supported-architectures.ts'

type Json = Readonly<Record<string, unknown>>

const isJson = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const SHOWN_MAX = 100
const show = (value: unknown): string =>
  value === undefined ? 'missing' : JSON.stringify(value).slice(0, SHOWN_MAX)

/** @returns the classes that it names; none where it names them in no list of texts */
export const architecturesOf = ({ architectures }: Json): readonly string[] =>
  Array.isArray(architectures) ? architectures.filter(name => typeof name === 'string') : []

const otherArchitecture = (json: Json): string | undefined => {
  const type = json['model_type']
  const named = Array.isArray(json['architectures']) ? json['architectures'] : []
  const isNamed = named.some(name => SUPPORTED_ARCHITECTURES.includes(String(name)))
  // DeciLM-6B names its architecture only
  const isTyped = type === 'llama' || type === 'deci' || (type === undefined && isNamed)
  if (isTyped && (named.length === 0 || isNamed)) return undefined
  return `model_type ${show(type)} with architectures ${show(json['architectures'])}; only the Llama architecture (${SUPPORTED_ARCHITECTURES[0]}) is supported: choose such a model`
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

const variant = (json: Json): string | undefined => {
  const found = PLAIN.find(([key, plain]) => !plain.includes(json[key]))
  if (!found) return undefined
  const [key, plain] = found
  return `${key} is ${show(json[key])}, which is not supported; supported: ${plain.map(show).join(', ')}`
}

/**
 * Dynamic NTK scaling changes RoPE only for rows longer than `max_position_embeddings` (transformers,
 * `LlamaDynamicNTKScalingRotaryEmbedding`), and no row of the trainer is.
 */
const isDynamicAsPlain = (type: unknown, scaling: Json, json: Json): boolean => {
  const positions = json['max_position_embeddings'] ?? 2048
  return (
    type === 'dynamic' && (scaling['original_max_position_embeddings'] ?? positions) === positions
  )
}

/** transformers 5 keeps RoPE's settings in rope_parameters, transformers 4 in rope_scaling. */
const ropeScaling = (json: Json): string | undefined => {
  for (const key of ['rope_scaling', 'rope_parameters']) {
    const value = json[key]
    if (!isJson(value)) continue
    const type = value['rope_type'] ?? value['type'] ?? 'default'
    if (type !== 'default' && !isDynamicAsPlain(type, value, json))
      return `${key} asks for RoPE scaling of type ${show(type)}; only models without RoPE scaling are supported`
  }
  return undefined
}

/** @returns why the trainer cannot tune it; undefined where nothing stands against it */
export const unsupportedConfig = (json: Json): string | undefined => {
  const problem = otherArchitecture(json) ?? variant(json) ?? ropeScaling(json)
  return problem && `config.json: ${problem}`
}
