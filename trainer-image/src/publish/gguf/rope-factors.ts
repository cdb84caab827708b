/** What `rope_freqs.weight` of a GGUF holds, by how much each frequency of RoPE is divided, and what made them. */
import type { ModelConfig, RopeScaling } from '../../model/config.ts'
import {
  LONG_ROPE_FACTORS,
  ROPE_FACTORS,
  SHORT_ROPE_FACTORS,
} from '../../weights/gguf-architecture.ts'

type Llama3 = Extract<RopeScaling, { type: 'llama3' }>
type Rotation = Pick<ModelConfig, 'ropeTheta' | 'headDim'>

/** Llama 3.1's scaling (transformers, modeling_rope_utils.py). */
const factorsOf = (scaling: Llama3, { ropeTheta, headDim }: Rotation): Float32Array =>
  Float32Array.from({ length: headDim / 2 }, (_, i) => {
    const { factor, lowFrequencyFactor: low, highFrequencyFactor: high } = scaling
    const wavelength = 2 * Math.PI * ropeTheta ** ((2 * i) / headDim)
    const turns = scaling.originalMaxPositions / wavelength
    if (turns > high) return 1
    if (turns < low) return factor
    const smooth = (turns - low) / (high - low)
    return 1 / ((1 - smooth) / factor + smooth)
  })

/** A GGUF with factors is read as if they were LongRoPE's. */
const givenFactors = ({ architecture, ropeScaling }: ModelConfig): Float32Array | undefined =>
  architecture === 'llama' && ropeScaling?.type === 'longrope' && ropeScaling.attentionFactor === 1
    ? Float32Array.from(ropeScaling.shortFactors)
    : undefined

/** @returns undefined where nothing is scaled by frequency */
const ropeFrequencyFactors = (config: ModelConfig): Float32Array | undefined =>
  config.ropeScaling?.type === 'llama3'
    ? factorsOf(config.ropeScaling, config)
    : givenFactors(config)

/** @returns the tensors of factors that a file has, by name: for all rows, or for short and long ones */
export const ropeTensors = (config: ModelConfig): ReadonlyMap<string, Float32Array> => {
  const { ropeScaling } = config
  if (ropeScaling?.type === 'longrope' && ropeScaling.beyond)
    return new Map([
      [LONG_ROPE_FACTORS, Float32Array.from(ropeScaling.beyond.factors)],
      [SHORT_ROPE_FACTORS, Float32Array.from(ropeScaling.shortFactors)],
    ])
  const factors = ropeFrequencyFactors(config)
  return new Map(factors ? [[ROPE_FACTORS, factors]] : [])
}

/** Of every Llama 3.1 to 3.3; only `factor` differs. */
const LLAMA3 = { lowFrequencyFactor: 1, highFrequencyFactor: 4, originalMaxPositions: 8192 }
const ROUNDING = 1e-4

/** @returns the scaling that a model has, or that gives the factors of its GGUF; undefined where none is known */
export const namedScaling = (config: ModelConfig): RopeScaling | undefined => {
  const factors = givenFactors(config)
  if (!factors) return config.ropeScaling
  const scaling: Llama3 = { type: 'llama3', factor: Math.max(...factors), ...LLAMA3 }
  const made = factorsOf(scaling, config)
  const isSame = made.every((value, i) => Math.abs(value / factors[i]! - 1) < ROUNDING)
  return isSame ? scaling : undefined
}
