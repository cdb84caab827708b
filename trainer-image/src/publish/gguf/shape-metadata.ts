/** The sizes of a model and its settings as metadata `<architecture>.<key>` (gguf-py's constants.py). */
import type { ModelConfig } from '../../model/config.ts'
import { rotaryDimOf } from '../../model/rotary.ts'
import type { GgufEntry, GgufMetadata } from './gguf-file.ts'

type Entries = readonly (readonly [string, GgufEntry])[]

const string = (value: string): GgufEntry => ({ type: 'string', value })
const uint32 = (value: number): GgufEntry => ({ type: 'uint32', value })
const float32 = (value: number): GgufEntry => ({ type: 'float32', value })
const int32s = (value: readonly number[]): GgufEntry => ({ type: 'int32s', value })

/** DeciLM's are told layer by layer, as those of its later models differ in all of them. */
const perLayer = ({ heads, kvHeads, intermediateSize }: ModelConfig, name: string): Entries => {
  const isDeci = name === 'deci'
  const each = (value: number) => (isDeci ? int32s(kvHeads.map(() => value)) : uint32(value))
  return [
    ['feed_forward_length', each(intermediateSize)],
    ['attention.head_count', each(heads)],
    ['attention.head_count_kv', isDeci ? int32s(kvHeads) : uint32(kvHeads[0] ?? heads)],
  ]
}

const windowOf = ({ windows }: ModelConfig, name: string): Entries => {
  const size = windows?.find(window => window !== null)
  // Phi-4-mini is told from Phi-3 by a window of none
  if (size === undefined || size === null)
    return name === 'phi3' ? [['attention.sliding_window', uint32(0)]] : []
  return [['attention.sliding_window', uint32(size)]]
}

const softcaps = ({ attentionSoftcap, logitSoftcap }: ModelConfig): Entries => [
  ...(attentionSoftcap === undefined
    ? []
    : [['attn_logit_softcapping', float32(attentionSoftcap)] as const]),
  ...(logitSoftcap === undefined
    ? []
    : [['final_logit_softcapping', float32(logitSoftcap)] as const]),
]

const scalingOf = ({ ropeScaling }: ModelConfig): Entries => {
  switch (ropeScaling?.type) {
    case 'linear':
      return [
        ['rope.scaling.type', string('linear')],
        ['rope.scaling.factor', float32(ropeScaling.factor)],
      ]
    case 'longrope':
      return ropeScaling.beyond
        ? [['rope.scaling.attn_factor', float32(ropeScaling.attentionFactor)]]
        : []
    default:
      return []
  }
}

/** @returns tokens of the longest row, with what LongRoPE adds to the original context */
const contextOf = ({ ropeScaling, maxPositions }: ModelConfig): number =>
  (ropeScaling?.type === 'longrope' && ropeScaling.beyond?.maxPositions) || maxPositions

export const shapeMetadata = (config: ModelConfig, name: string): GgufMetadata => {
  const { localRopeTheta } = config
  const entries: Entries = [
    ['vocab_size', uint32(config.vocabSize)],
    ['block_count', uint32(config.layers)],
    ['context_length', uint32(contextOf(config))],
    ['embedding_length', uint32(config.hiddenSize)],
    ...perLayer(config, name),
    ['attention.key_length', uint32(config.headDim)],
    ['attention.value_length', uint32(config.headDim)],
    ['attention.layer_norm_rms_epsilon', float32(config.rmsNormEpsilon)],
    ...windowOf(config, name),
    ...softcaps(config),
    ['rope.dimension_count', uint32(rotaryDimOf(config))],
    ['rope.freq_base', float32(config.ropeTheta)],
    ...(localRopeTheta === undefined
      ? []
      : [['rope.freq_base_swa', float32(localRopeTheta)] as const]),
    ...(name === 'phi3'
      ? [['rope.scaling.original_context_length', uint32(config.maxPositions)] as const]
      : []),
    ...scalingOf(config),
  ]
  return new Map(entries.map(([key, entry]) => [`${name}.${key}`, entry]))
}
