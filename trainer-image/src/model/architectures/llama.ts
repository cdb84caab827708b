/**
 * Llama, and the families that are a Llama but for how a layer attends, which the config says: DeciLM (KV heads by
 * layer), Mistral (window), Qwen2 (biases), Qwen3 (normalized heads), SmolLM3 (layers without rotation).
 */
import type { Value } from '../../graph/node.ts'
import { mul } from '../../graph/operators/elementwise.ts'
import { silu } from '../../graph/operators/fused.ts'
import type { Family } from './family.ts'
import type { Ops } from './ops.ts'
import { PRE_NORMS, preNormForward } from './pre-norm.ts'

/** x: (…, C) @returns (…, C) */
export const selfAttention = (
  ops: Ops,
  x: Value,
  layer: number,
  normWeight = ops.weight,
): Value => {
  const at = `model.layers.${layer}.self_attn`
  const [q, k, v] = ops.linears(x, [`${at}.q_proj`, `${at}.k_proj`, `${at}.v_proj`])
  const normalized = (heads: Value, name: string) =>
    ops.config.queryKeyNorm ? ops.headNorm(heads, normWeight(`${at}.${name}.weight`)) : heads
  const out = ops.attention({
    layer,
    q: normalized(q!, 'q_norm'),
    k: normalized(k!, 'k_norm'),
    v: v!,
  })
  return ops.linears(ops.asked(out, layer), [`${at}.o_proj`])[0]!
}

const feedForward = (ops: Ops, x: Value, layer: number): Value => {
  const { g } = ops
  const at = `model.layers.${layer}.mlp`
  const [gate, up] = ops.linears(x, [`${at}.gate_proj`, `${at}.up_proj`])
  const gated = g.cheap(() => mul(g, silu(g, gate!), up!))
  return ops.linears(gated, [`${at}.down_proj`])[0]!
}

export const LLAMA: Family = {
  forward: preNormForward({ selfAttention, feedForward }),
  norms: PRE_NORMS,
  linears: ({ hiddenSize: c, intermediateSize: i, heads, kvHeads, headDim }, layer) => {
    const [q, kv] = [heads * headDim, kvHeads[layer]! * headDim]
    return [
      [
        { path: 'self_attn.q_proj', inFeatures: c, outFeatures: q },
        { path: 'self_attn.k_proj', inFeatures: c, outFeatures: kv },
        { path: 'self_attn.v_proj', inFeatures: c, outFeatures: kv },
      ],
      [{ path: 'self_attn.o_proj', inFeatures: q, outFeatures: c }],
      [
        { path: 'mlp.gate_proj', inFeatures: c, outFeatures: i },
        { path: 'mlp.up_proj', inFeatures: c, outFeatures: i },
      ],
      [{ path: 'mlp.down_proj', inFeatures: i, outFeatures: c }],
    ]
  },
}
