/** The linear layers of a model and its weights' names. */
import { familyOf } from './architectures/family-of.ts'
import type { ModelConfig } from './config.ts'

export type LinearLayer = {
  readonly layer: number
  /** `model.layers.0.self_attn.q_proj` */
  readonly path: string
  /** `q_proj` */
  readonly module: string
  readonly inFeatures: number
  readonly outFeatures: number
}

/** @returns linear layers of one layer, those together that read the same input */
export const linearGroups = (
  config: ModelConfig,
  layer: number,
): readonly (readonly LinearLayer[])[] =>
  familyOf(config)
    .linears(config, layer)
    .map(group =>
      group.map(({ path, inFeatures, outFeatures }) => ({
        layer,
        path: `model.layers.${layer}.${path}`,
        module: path.slice(path.indexOf('.') + 1),
        inFeatures,
        outFeatures,
      })),
    )

export const linearLayers = (config: ModelConfig): readonly LinearLayer[] =>
  config.kvHeads.flatMap((_, layer) => linearGroups(config, layer).flat())

/** The embedding table, (V, C). */
export const EMBEDDING_WEIGHT = 'model.embed_tokens.weight'

export type WeightShape = { readonly name: string; readonly shape: readonly number[] }

const normShapes = (config: ModelConfig, layer: number): readonly WeightShape[] => {
  const at = `model.layers.${layer}`
  const ofHeads = config.queryKeyNorm ? ['self_attn.q_norm', 'self_attn.k_norm'] : []
  return [
    ...familyOf(config).norms.map(name => ({
      name: `${at}.${name}.weight`,
      shape: [config.hiddenSize],
    })),
    ...ofHeads.map(name => ({ name: `${at}.${name}.weight`, shape: [config.headDim] })),
  ]
}

/** Every weight that the forward pass reads, in the order of the layers. */
export const weightShapes = (config: ModelConfig): readonly WeightShape[] => {
  const { vocabSize: v, hiddenSize: c } = config
  const linear = linearLayers(config)
  const biased = linear.filter(({ module }) => config.biases?.includes(module))
  return [
    { name: EMBEDDING_WEIGHT, shape: [v, c] },
    ...config.kvHeads.flatMap((_, layer) => normShapes(config, layer)),
    ...linear.map(({ path, inFeatures, outFeatures }) => ({
      name: `${path}.weight`,
      shape: [outFeatures, inFeatures],
    })),
    ...biased.map(({ path, outFeatures }) => ({ name: `${path}.bias`, shape: [outFeatures] })),
    { name: 'model.norm.weight', shape: [c] },
    ...(config.tieWordEmbeddings ? [] : [{ name: 'lm_head.weight', shape: [v, c] }]),
  ]
}

/** The output head's weight, (V, C). */
export const headWeightName = ({ tieWordEmbeddings }: ModelConfig): string =>
  tieWordEmbeddings ? EMBEDDING_WEIGHT : 'lm_head.weight'
