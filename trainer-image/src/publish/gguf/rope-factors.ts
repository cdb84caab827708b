/** What `rope_freqs.weight` holds: by how much llama.cpp divides each frequency of RoPE. */
import type { ModelConfig } from '../../model/config.ts'

/** Llama 3.1's scaling (transformers, modeling_rope_utils.py). @returns undefined where nothing is scaled by frequency */
export const ropeFrequencyFactors = ({
  ropeScaling,
  ropeTheta,
  headDim,
}: ModelConfig): Float32Array | undefined => {
  if (ropeScaling?.type !== 'llama3') return undefined
  const { factor, lowFrequencyFactor: low, highFrequencyFactor: high } = ropeScaling
  return Float32Array.from({ length: headDim / 2 }, (_, i) => {
    const wavelength = 2 * Math.PI * ropeTheta ** ((2 * i) / headDim)
    const turns = ropeScaling.originalMaxPositions / wavelength
    if (turns > high) return 1
    if (turns < low) return factor
    const smooth = (turns - low) / (high - low)
    return 1 / ((1 - smooth) / factor + smooth)
  })
}
