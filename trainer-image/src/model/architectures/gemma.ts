/**
 * Gemma 2 (arXiv:2408.00118) and the text model of Gemma 3 (arXiv:2503.19786): embeddings times √C, norms before and
 * behind attention and feed-forward whose stored weights are of 1, and a gate of GELU.
 */
import type { Value } from '../../graph/node.ts'
import { add, mul } from '../../graph/operators/elementwise.ts'
import { geluTanh } from '../../graph/operators/fused.ts'
import type { Family } from './family.ts'
import { LLAMA, selfAttention } from './llama.ts'
import type { Forward, Ops, Stream } from './ops.ts'

/** A norm multiplies by 1 + what is stored. */
const normWeight =
  (ops: Ops) =>
  (name: string): Value =>
    add(ops.g, ops.weight(name), ops.g.scalar('float32', 1))

const feedForward = (ops: Ops, x: Value, layer: number): Value => {
  const { g } = ops
  const at = `model.layers.${layer}.mlp`
  const [gate, up] = ops.linears(x, [`${at}.gate_proj`, `${at}.up_proj`])
  const gated = g.cheap(() => mul(g, geluTanh(g, gate!), up!))
  return ops.linears(gated, [`${at}.down_proj`])[0]!
}

const transformerLayer = (ops: Ops, stream: Stream, layer: number): Stream => {
  const { g } = ops
  const weightOf = normWeight(ops)
  const weight = (name: string) => weightOf(`model.layers.${layer}.${name}.weight`)
  const [attended, x] = g.scope('self_attn', () => {
    const [normalized, sum] = ops.addAndNorm(stream, weight('input_layernorm'))
    const out = selfAttention(ops, normalized, layer, weightOf)
    return [ops.norm(out, weight('post_attention_layernorm')), ops.asked(sum, layer)]
  })
  return g.scope('mlp', () => {
    const after = { x, added: attended }
    const [normalized, sum] = ops.addAndNorm(after, weight('pre_feedforward_layernorm'))
    const out = feedForward(ops, normalized, layer)
    return { x: sum, added: ops.norm(out, weight('post_feedforward_layernorm')) }
  })
}

const forward: Forward = ops => {
  const x = ops.embed(Math.sqrt(ops.config.hiddenSize))
  const stream = ops.layers(x, (y, layer) => transformerLayer(ops, y, layer))
  return ops.norm(ops.last(stream), normWeight(ops)('model.norm.weight'))
}

export const GEMMA: Family = {
  forward,
  norms: [
    'input_layernorm',
    'post_attention_layernorm',
    'pre_feedforward_layernorm',
    'post_feedforward_layernorm',
  ],
  linears: LLAMA.linears,
}
