/** Which weights QLoRA (Dettmers et al. 2023, arXiv:2305.14314) keeps in few bits, and what the others see of them. */
import type { ResolvedSpec } from '@attune/crds/resolved-spec.ts'
import { invalidSpec } from '../stage-error.ts'
import { dequantizeBlocks, type Quantization, quantizeBlocks } from '../weights/quantize-blocks.ts'
import type { ModelConfig, Weights } from './config.ts'
import { linearLayers } from './linear-layers.ts'

const USUAL: Quantization = { bits: 4, blockSize: 32 }

/** @returns undefined where weights are computed with as they are */
export const quantizationOf = ({
  type,
  quantization,
}: ResolvedSpec['method']): Quantization | undefined =>
  type === 'QLoRA' ? (quantization ?? USUAL) : undefined

/** The linear layers' weights; norms, embeddings, biases and the output head stay in float32. */
export const quantizedNames = (
  config: ModelConfig,
  { blockSize }: Quantization,
): ReadonlySet<string> => {
  const layers = linearLayers(config)
  const odd = layers.find(({ inFeatures }) => inFeatures % blockSize !== 0)
  if (odd)
    throw invalidSpec(
      `method.quantization.blockSize: ${blockSize} does not divide the ${odd.inFeatures} inputs of ${odd.path}; choose a smaller block size`,
    )
  return new Set(layers.map(({ path }) => `${path}.weight`))
}

/** @returns the weights with the values that training and evaluation compute with */
export const roundedWeights = (
  weights: Weights,
  config: ModelConfig,
  quantization: Quantization | undefined,
): Weights => {
  if (!quantization) return weights
  const names = quantizedNames(config, quantization)
  return {
    ...weights,
    read: async name => {
      const data = await weights.read(name)
      return names.has(name) ? dequantizeBlocks(quantizeBlocks(data, quantization)) : data
    },
  }
}
