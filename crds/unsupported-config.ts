/** What of a model's config.json (keys of transformers 4 and 5) the trainer cannot compute; trainer and operator say the same. */
import { ropeParametersOf, ropeTypeOf } from './rope-parameters.ts'
import {
  type ModelType,
  SUPPORTED_ARCHITECTURES,
  supportedModelType,
} from './supported-architectures.ts'

type Json = Readonly<Record<string, unknown>>

const SHOWN_MAX = 100
const show = (value: unknown): string =>
  value === undefined ? 'missing' : JSON.stringify(value).slice(0, SHOWN_MAX)

/** @returns the classes that it names; none where it names them in no list of texts */
export const architecturesOf = ({ architectures }: Json): readonly string[] =>
  Array.isArray(architectures) ? architectures.filter(name => typeof name === 'string') : []

/** @returns undefined where the trainer does not know the model */
export const modelTypeOf = (json: Json): ModelType | undefined =>
  supportedModelType(json['model_type'], architecturesOf(json))

const otherArchitecture = (json: Json): string => {
  const named = `model_type ${show(json['model_type'])} with architectures ${show(json['architectures'])}`
  return 'vision_config' in json || 'audio_config' in json
    ? `${named} takes more than text; only models of text alone are supported: choose such a model`
    : `${named}; only ${SUPPORTED_ARCHITECTURES.join(', ')} are supported: choose such a model`
}

/** What would change the computation, with the only values under which it does not. */
type Plain = readonly (readonly [key: string, plain: readonly unknown[]])[]

const NONE = [null, undefined] as const
const NO = [false, null, undefined] as const

const ALL: Plain = [
  ['quantization_config', NONE],
  ['block_configs', NONE],
  ['rope_interleaved', NO],
  ['use_bidirectional_attention', NO],
  ['num_experts', NONE],
  ['num_local_experts', NONE],
]
const SILU: Plain = [['hidden_act', ['silu', undefined]]]
const GELU: Plain = [['hidden_activation', ['gelu_pytorch_tanh', null, undefined]]]
const WHOLE_HEADS: Plain = [['partial_rotary_factor', [1, null, undefined]]]
/** transformers reads no kinds of layers here, so a model that names some was made by something else. */
const ALIKE: Plain = [['layer_types', NONE]]

const PLAIN: Readonly<Record<ModelType, Plain>> = {
  llama: [...SILU, ...WHOLE_HEADS, ...ALIKE, ['sliding_window', NONE]],
  mistral: [...SILU, ...WHOLE_HEADS, ...ALIKE],
  qwen2: [...SILU, ...WHOLE_HEADS],
  qwen3: [...SILU, ...WHOLE_HEADS],
  smollm3: [...SILU, ...WHOLE_HEADS],
  gemma2: [...GELU, ...WHOLE_HEADS],
  gemma3_text: [...GELU, ...WHOLE_HEADS, ['attn_logit_softcapping', NONE]],
  phi3: [...SILU, ...ALIKE],
}

const variant = (json: Json, type: ModelType): string | undefined => {
  const found = [...ALL, ...PLAIN[type]].find(([key, plain]) => !plain.includes(json[key]))
  if (!found) return undefined
  const [key, plain] = found
  return `${key} is ${show(json[key])}, which is not supported; supported: ${plain.map(show).join(', ')}`
}

const LAYER_TYPES: readonly unknown[] = ['full_attention', 'sliding_attention']

const otherLayers = ({ layer_types: types }: Json): string | undefined => {
  if (types === undefined || types === null) return undefined
  const other = Array.isArray(types) ? types.find(type => !LAYER_TYPES.includes(type)) : types
  return other === undefined
    ? undefined
    : `layer_types names ${show(other)}; only ${LAYER_TYPES.join(' and ')} are supported`
}

/**
 * Dynamic NTK scaling changes RoPE only for rows longer than `max_position_embeddings` (transformers,
 * `LlamaDynamicNTKScalingRotaryEmbedding`), and no row of the trainer is.
 */
const isDynamicAsPlain = (scaling: Json, json: Json): boolean => {
  const positions = json['max_position_embeddings'] ?? 2048
  return (scaling['original_max_position_embeddings'] ?? positions) === positions
}

const SCALINGS: readonly unknown[] = ['default', 'linear', 'llama3', 'dynamic']
/** Phi-3's first configurations name what is longrope now "su" and "yarn". */
const PHI3_SCALINGS: readonly unknown[] = ['default', 'longrope', 'su', 'yarn']

const ropeScaling = (json: Json, type: ModelType): string | undefined => {
  const { key, full, sliding } = ropeParametersOf(json)
  const scaling = ropeTypeOf(full)
  const known = type === 'phi3' ? PHI3_SCALINGS : SCALINGS
  const isKnown = known.includes(scaling) && (scaling !== 'dynamic' || isDynamicAsPlain(full, json))
  if (!isKnown)
    return `${key} asks for RoPE scaling of type ${show(scaling)}, which is not supported; supported: ${known.map(show).join(', ')}`
  if (type !== 'phi3' && !WHOLE_HEADS[0]![1].includes(full['partial_rotary_factor']))
    return `${key} asks for a partial_rotary_factor of ${show(full['partial_rotary_factor'])}, which is not supported`
  if (!sliding) return undefined
  if (type !== 'gemma3_text') return `${key} has settings by kind of layer, which are not supported`
  const other = ropeTypeOf(sliding)
  return other === 'default'
    ? undefined
    : `${key}.sliding_attention asks for RoPE scaling of type ${show(other)}, which is not supported`
}

/** @returns why the trainer cannot tune it; undefined where nothing stands against it */
export const unsupportedConfig = (json: Json): string | undefined => {
  const type = modelTypeOf(json)
  const problem = type
    ? (variant(json, type) ?? otherLayers(json) ?? ropeScaling(json, type))
    : otherArchitecture(json)
  return problem && `config.json: ${problem}`
}
