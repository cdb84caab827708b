/** The linear layers of a Llama and their weights' names. */
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

export const linearLayers = (config: ModelConfig): readonly LinearLayer[] =>
  Array.from({ length: config.layers }, (_, layer) => {
    const { hiddenSize: c, intermediateSize: i } = config
    const q = config.heads * config.headDim
    const kv = config.kvHeads[layer]! * config.headDim
    const one = (part: string, module: string, inFeatures: number, outFeatures: number) => ({
      layer,
      path: `model.layers.${layer}.${part}.${module}`,
      module,
      inFeatures,
      outFeatures,
    })
    return [
      one('self_attn', 'q_proj', c, q),
      one('self_attn', 'k_proj', c, kv),
      one('self_attn', 'v_proj', c, kv),
      one('self_attn', 'o_proj', q, c),
      one('mlp', 'gate_proj', c, i),
      one('mlp', 'up_proj', c, i),
      one('mlp', 'down_proj', i, c),
    ]
  }).flat()

export type WeightShape = { readonly name: string; readonly shape: readonly number[] }

/** Every weight that the forward pass reads, in the order of the layers. */
export const weightShapes = (config: ModelConfig): readonly WeightShape[] => {
  const { vocabSize: v, hiddenSize: c } = config
  const norms = Array.from({ length: config.layers }, (_, layer) => [
    { name: `model.layers.${layer}.input_layernorm.weight`, shape: [c] },
    { name: `model.layers.${layer}.post_attention_layernorm.weight`, shape: [c] },
  ]).flat()
  const linear = linearLayers(config).map(({ path, inFeatures, outFeatures }) => ({
    name: `${path}.weight`,
    shape: [outFeatures, inFeatures],
  }))
  return [
    { name: 'model.embed_tokens.weight', shape: [v, c] },
    ...norms,
    ...linear,
    { name: 'model.norm.weight', shape: [c] },
    ...(config.tieWordEmbeddings ? [] : [{ name: 'lm_head.weight', shape: [v, c] }]),
  ]
}
