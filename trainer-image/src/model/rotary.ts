/** Rotary position embedding (arXiv:2104.09864): which layers rotate, by which angles. D values of a head are rotated. */
import type { ModelConfig, RopeScaling } from './config.ts'

/** Gemma 3 rotates layers with a window by other angles than those without. */
export type Rope = 'global' | 'local'

/** @returns undefined for a layer that does not rotate */
export const ropeOf = (config: ModelConfig, layer: number): Rope | undefined => {
  if (config.layersWithoutRope?.includes(layer)) return undefined
  const isLocal = config.localRopeTheta !== undefined && windowOf(config, layer) !== undefined
  return isLocal ? 'local' : 'global'
}

/** @returns the kinds that some layer uses */
export const ropesOf = (config: ModelConfig): readonly Rope[] => {
  const used = new Set(config.kvHeads.map((_, layer) => ropeOf(config, layer)))
  return (['global', 'local'] as const).filter(rope => used.has(rope))
}

/** @returns how many tokens one sees in a layer, itself included; undefined where it sees all before it */
export const windowOf = ({ windows }: ModelConfig, layer: number): number | undefined =>
  windows?.[layer] ?? undefined

export const rotaryDimOf = ({ rotaryDim, headDim }: ModelConfig): number => rotaryDim ?? headDim

/** Formulas of transformers' modeling_rope_utils.py. */
const scaled = (frequency: number, i: number, scaling: RopeScaling): number => {
  switch (scaling.type) {
    case 'linear':
      return frequency / scaling.factor
    case 'longrope':
      return frequency / scaling.shortFactors[i]!
    case 'llama3': {
      const { factor, lowFrequencyFactor: low, highFrequencyFactor: high } = scaling
      // how often it turns in the original context
      const turns = (scaling.originalMaxPositions * frequency) / (2 * Math.PI)
      const kept = Math.min(1, Math.max(0, (turns - low) / (high - low)))
      return (1 - kept) * (frequency / factor) + kept * frequency
    }
  }
}

const frequenciesOf = (config: ModelConfig, rope: Rope): Float64Array => {
  const d = rotaryDimOf(config)
  const { ropeTheta, localRopeTheta = ropeTheta, ropeScaling } = config
  const [theta, scaling] = rope === 'local' ? [localRopeTheta, undefined] : [ropeTheta, ropeScaling]
  return Float64Array.from({ length: d / 2 }, (_, i) => {
    const frequency = theta ** ((-2 * i) / d)
    return scaling ? scaled(frequency, i, scaling) : frequency
  })
}

/** @returns cosines and sines of position · frequency, each (positions, half) with half = D/2 */
export const rotaryTables = (config: ModelConfig, rope: Rope, positions: number) => {
  const frequencies = frequenciesOf(config, rope)
  const half = frequencies.length
  const { ropeScaling } = config
  const factor = ropeScaling?.type === 'longrope' ? ropeScaling.attentionFactor : 1
  const cos = new Float32Array(positions * half)
  const sin = new Float32Array(positions * half)
  for (let position = 0; position < positions; position++) {
    for (let i = 0; i < half; i++) {
      cos[position * half + i] = factor * Math.cos(position * frequencies[i]!)
      sin[position * half + i] = factor * Math.sin(position * frequencies[i]!)
    }
  }
  return { cos, sin, half }
}
