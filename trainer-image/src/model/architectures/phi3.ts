/** Phi-3 (arXiv:2404.14219): a Llama whose linear layers of one input are stored joined, one below the other. */
import type { Value } from '../../graph/node.ts'
import { mul } from '../../graph/operators/elementwise.ts'
import { silu } from '../../graph/operators/fused.ts'
import type { Family } from './family.ts'
import type { Ops } from './ops.ts'
import { PRE_NORMS, preNormForward } from './pre-norm.ts'

const selfAttention = (ops: Ops, x: Value, layer: number): Value => {
  const { heads, kvHeads, headDim } = ops.config
  const at = `model.layers.${layer}.self_attn`
  const [qkv] = ops.linears(x, [`${at}.qkv_proj`])
  const kv = kvHeads[layer]! * headDim
  const [q, k, v] = ops.split(qkv!, [heads * headDim, kv, kv])
  const out = ops.attention({ layer, q: q!, k: k!, v: v! })
  return ops.linears(ops.asked(out, layer), [`${at}.o_proj`])[0]!
}

const feedForward = (ops: Ops, x: Value, layer: number): Value => {
  const { g } = ops
  const { intermediateSize } = ops.config
  const at = `model.layers.${layer}.mlp`
  const [gateUp] = ops.linears(x, [`${at}.gate_up_proj`])
  const [gate, up] = ops.split(gateUp!, [intermediateSize, intermediateSize])
  const gated = g.cheap(() => mul(g, silu(g, gate!), up!))
  return ops.linears(gated, [`${at}.down_proj`])[0]!
}

export const PHI3: Family = {
  forward: preNormForward({ selfAttention, feedForward }),
  norms: PRE_NORMS,
  linears: ({ hiddenSize: c, intermediateSize: i, heads, kvHeads, headDim }, layer) => {
    const q = heads * headDim
    const qkv = q + 2 * kvHeads[layer]! * headDim
    return [
      [{ path: 'self_attn.qkv_proj', inFeatures: c, outFeatures: qkv }],
      [{ path: 'self_attn.o_proj', inFeatures: q, outFeatures: c }],
      [{ path: 'mlp.gate_up_proj', inFeatures: c, outFeatures: 2 * i }],
      [{ path: 'mlp.down_proj', inFeatures: i, outFeatures: c }],
    ]
  },
}
