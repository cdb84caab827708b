/** Are the tensors that the configuration implies there, with the shapes that it implies, and no others? */
import { modelMalformed, modelUnsupported } from '../stage-error.ts'
import type { ModelConfig, Weights } from './config.ts'

/** @returns every tensor of a Llama with its shape; `lm_head.weight` only where it is not tied */
export const expectedTensors = (config: ModelConfig): ReadonlyMap<string, readonly number[]> => {
  const { vocabSize, hiddenSize: hidden, intermediateSize: inner, heads, headDim } = config
  const shapes = new Map<string, readonly number[]>([
    ['model.embed_tokens.weight', [vocabSize, hidden]],
    ['model.norm.weight', [hidden]],
  ])
  if (!config.tieWordEmbeddings) shapes.set('lm_head.weight', [vocabSize, hidden])
  config.kvHeads.forEach((kvHeads, layer) => {
    const add = (name: string, ...shape: number[]) =>
      shapes.set(`model.layers.${layer}.${name}.weight`, shape)
    add('input_layernorm', hidden)
    add('self_attn.q_proj', heads * headDim, hidden)
    add('self_attn.k_proj', kvHeads * headDim, hidden)
    add('self_attn.v_proj', kvHeads * headDim, hidden)
    add('self_attn.o_proj', hidden, heads * headDim)
    add('post_attention_layernorm', hidden)
    add('mlp.gate_proj', inner, hidden)
    add('mlp.up_proj', inner, hidden)
    add('mlp.down_proj', hidden, inner)
  })
  return shapes
}

export const checkTensors = (config: ModelConfig, weights: Weights): void => {
  const expected = expectedTensors(config)
  const present = new Set(weights.names)
  for (const [name, shape] of expected) {
    if (!present.has(name))
      throw modelMalformed(
        `the model has no tensor "${name}", which its configuration implies ([${shape}]); fetch or export it again`,
      )
    const found = weights.shape(name)
    if (found.length !== shape.length || found.some((size, axis) => size !== shape[axis]))
      throw modelMalformed(
        `tensor "${name}" is [${found}], but the configuration implies [${shape}]; fetch or export the model again`,
      )
  }
  const surplus = weights.names.find(name => !expected.has(name) && !canBeIgnored(name))
  if (surplus)
    throw modelUnsupported(
      `tensor "${surplus}" has no place in a Llama without biases; only such models are supported`,
    )
}

/** A tied head may be stored all the same; old exports hold RoPE's frequencies, which follow from its base. */
const canBeIgnored = (name: string) =>
  name === 'lm_head.weight' || name.endsWith('.rotary_emb.inv_freq')
