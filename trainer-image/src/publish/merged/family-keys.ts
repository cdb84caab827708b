/** Keys of a config.json that a family has, or has otherwise than a Llama (transformers, configuration_*.py). */
import { namedScaling } from '../gguf/rope-factors.ts'
import type { ModelConfig, RopeScaling } from '../../model/config.ts'
import { rotaryDimOf } from '../../model/rotary.ts'
import type { JsonObject } from '../../weights/read-json.ts'

const scalingKeys = (scaling: RopeScaling | undefined): JsonObject | null => {
  switch (scaling?.type) {
    case undefined:
      return null
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
      // Phi-3's configuration refuses any further key
      return {
        type: 'longrope',
        short_factor: scaling.shortFactors,
        long_factor: scaling.beyond?.factors,
      }
  }
}

const windowSize = ({ windows }: ModelConfig): number | null =>
  windows?.find(window => window !== null) ?? null

const layerTypes = ({ windows, layers }: ModelConfig): readonly string[] =>
  Array.from({ length: layers }, (_, layer) =>
    typeof windows?.[layer] === 'number' ? 'sliding_attention' : 'full_attention',
  )

const smollm3 = (config: ModelConfig): JsonObject => ({
  layer_types: layerTypes(config),
  // despite its name a 1 means that the layer rotates
  no_rope_layers: config.kvHeads.map((_, layer) =>
    config.layersWithoutRope?.includes(layer) ? 0 : 1,
  ),
  sliding_window: null,
  use_sliding_window: false,
})

const gemma = (config: ModelConfig): JsonObject => ({
  attn_logit_softcapping: config.attentionSoftcap ?? null,
  final_logit_softcapping: config.logitSoftcap ?? null,
  hidden_act: 'gelu_pytorch_tanh',
  hidden_activation: 'gelu_pytorch_tanh',
  layer_types: layerTypes(config),
  query_pre_attn_scalar: scalarOf(config),
  sliding_window: windowSize(config),
})

/** A whole number, as the published ones are, where it is one but for rounding. */
const scalarOf = ({ attentionScale = 1 }: ModelConfig): number => {
  const scalar = attentionScale ** -2
  const whole = Math.round(scalar)
  return Math.abs(scalar - whole) < 1e-9 * whole ? whole : scalar
}

const gemma3 = (config: ModelConfig): JsonObject => ({
  ...gemma(config),
  rope_local_base_freq: config.localRopeTheta,
})

const phi3 = (config: ModelConfig): JsonObject => {
  const { ropeScaling, maxPositions, headDim } = config
  const isLong = ropeScaling?.type === 'longrope'
  return {
    max_position_embeddings: (isLong && ropeScaling.beyond?.maxPositions) || maxPositions,
    original_max_position_embeddings: maxPositions,
    partial_rotary_factor: rotaryDimOf(config) / headDim,
    sliding_window: windowSize(config),
  }
}

const ofFamily = (config: ModelConfig): JsonObject => {
  switch (config.architecture) {
    case 'smollm3':
      return smollm3(config)
    case 'gemma2':
      return gemma(config)
    case 'gemma3_text':
      return gemma3(config)
    case 'phi3':
      return phi3(config)
    default:
      return {}
  }
}

export const familyKeys = (config: ModelConfig): JsonObject => ({
  hidden_act: 'silu',
  rope_scaling: scalingKeys(namedScaling(config)),
  ...ofFamily(config),
})
