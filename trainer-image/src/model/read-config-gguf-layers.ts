/** What of a GGUF's metadata tells one layer or family from another; what is not written there is llama.cpp's (llama-model.cpp). */
import type { ModelConfig } from './config.ts'
import { gemmaAttentionScale, hasWindow, layersWithoutRope } from './llama-cpp-rules.ts'
import { integer, LIMITS, real } from './read-config-fields.ts'
import type { GgufFields } from './read-config-gguf.ts'

const LINEARS = ['attn_q', 'attn_k', 'attn_v', 'attn_output', 'ffn_gate', 'ffn_up', 'ffn_down']

/** @returns modules of which the first layer has a bias */
export const biasesOfGguf = ({ header, architecture }: GgufFields): Partial<ModelConfig> => {
  const biased = LINEARS.filter(name => header.tensors.has(`blk.0.${name}.bias`))
  const biases = biased.map(name => architecture.modules[name]!.replace(/^.*\./, ''))
  return biases.length > 0 ? { biases } : {}
}

type Sizes = {
  readonly layers: number
  readonly heads: number
  readonly hiddenSize: number
  readonly headDim: number
}

export const familyOfGguf = (fields: GgufFields, sizes: Sizes): Partial<ModelConfig> => {
  const windows = windowsOf(fields, sizes.layers)
  const { name } = fields.architecture
  const withoutRope = layersWithoutRope(name, sizes.layers)
  return {
    ...(windows.some(window => window !== null) ? { windows } : {}),
    ...(withoutRope.length > 0 ? { layersWithoutRope: withoutRope } : {}),
    ...(name === 'qwen3' || name === 'gemma3' ? { queryKeyNorm: true } : {}),
    ...(name === 'gemma2' || name === 'gemma3' ? gemma(fields, sizes) : {}),
  }
}

const windowsOf = (fields: GgufFields, layers: number): readonly (number | null)[] => {
  const { get, at } = fields
  const key = 'attention.sliding_window'
  const size = integer(at(key), get(key) ?? 0, 0, LIMITS.maxPositions)
  const slides = size > 0 ? slidingLayers(fields) : () => false
  return Array.from({ length: layers }, (_, layer) => (slides(layer) ? size : null))
}

const slidingLayers = ({ get, at, architecture: { name } }: GgufFields) => {
  const key = 'attention.sliding_window_pattern'
  const given = get(key)
  if (Array.isArray(given)) return (layer: number) => given[layer] === true
  if (given !== undefined) {
    const pattern = integer(at(key), given, 1, LIMITS.layers)
    return (layer: number) => (layer + 1) % pattern !== 0
  }
  return (layer: number) => hasWindow(name, layer)
}

const gemma = (fields: GgufFields, sizes: Sizes): Partial<ModelConfig> => {
  const { get, at, architecture } = fields
  const isSecond = architecture.name === 'gemma2'
  const cap = (key: string, missing: number | undefined) => {
    const value = get(key) ?? missing
    return value === undefined || value === 0 ? undefined : real(at(key), value, 1e-3, 1e6)
  }
  const scores = cap('attn_logit_softcapping', isSecond ? 50 : undefined)
  const logits = cap('final_logit_softcapping', isSecond ? 30 : undefined)
  return {
    attentionScale: gemmaAttentionScale(architecture.name, sizes),
    ...(scores === undefined ? {} : { attentionSoftcap: scores }),
    ...(logits === undefined ? {} : { logitSoftcap: logits }),
  }
}
