/** Forward passes whose layers normalize before attention and before the feed-forward part (arXiv:2002.04745). */
import type { Value } from '../../graph/node.ts'
import type { Forward, Ops, Stream } from './ops.ts'

/** x: (…, C), normalized @returns (…, C), what is added to the stream; behind attention at the tokens of `ops.asked` */
export type LayerPart = (ops: Ops, x: Value, layer: number) => Value

export type PreNormParts = { readonly selfAttention: LayerPart; readonly feedForward: LayerPart }

/** A layer's norms over the hidden size. */
export const PRE_NORMS: readonly string[] = ['input_layernorm', 'post_attention_layernorm']

const transformerLayer = (
  ops: Ops,
  { selfAttention, feedForward }: PreNormParts,
  stream: Stream,
  layer: number,
): Stream => {
  const { g } = ops
  const weight = (name: string) => ops.weight(`model.layers.${layer}.${name}.weight`)
  const [attended, x] = g.scope('self_attn', () => {
    const [normalized, sum] = ops.addAndNorm(stream, weight('input_layernorm'))
    return [selfAttention(ops, normalized, layer), ops.asked(sum, layer)]
  })
  return g.scope('mlp', () => {
    const after = { x, added: attended }
    const [normalized, sum] = ops.addAndNorm(after, weight('post_attention_layernorm'))
    return { x: sum, added: feedForward(ops, normalized, layer) }
  })
}

export const preNormForward =
  (parts: PreNormParts): Forward =>
  ops => {
    const stream = ops.layers(ops.embed(), (x, layer) => transformerLayer(ops, parts, x, layer))
    return ops.norm(ops.last(stream), ops.weight('model.norm.weight'))
  }
