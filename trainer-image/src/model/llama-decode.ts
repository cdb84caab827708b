/**
 * Forward pass of a Llama with a key-value cache, for generation; one graph serves prompts and single tokens.
 * B slots, S new tokens each, C hidden size, H query heads, D head size, M cache capacity, R adapter rank.
 */
import type { GraphBuilder } from '../graph/build.ts'
import { float, int, type Value } from '../graph/node.ts'
import { add, mul } from '../graph/operators/elementwise.ts'
import { rmsNorm, silu } from '../graph/operators/fused.ts'
import { fusedMatMul } from '../graph/operators/matrix.ts'
import { gather, reshape, split } from '../graph/operators/movement.ts'
import type { ModelConfig } from './config.ts'

/** Finds a stored tensor by the names of `decodeTensors`; undefined where it is not stored. */
export type TensorLookup = (name: string) => Value | undefined

type Inputs = {
  /** (B) int32: tokens in a slot after this run, minus 1 */
  readonly lastPositions: Value
  /** () int32: the largest of them, plus 1 */
  readonly totalLength: Value
  /** (M, D/2) */
  readonly cos: Value
  readonly sin: Value
  /** (1) alpha / rank for the tuned model, 0 for the base model */
  readonly adapterScale: Value
}

const need = (tensor: TensorLookup, name: string): Value => {
  const value = tensor(name)
  if (!value) throw new TypeError(`tensor ${name} is not stored`)
  return value
}

/** x: (B, S, in) @returns x W′ + scale · x A′ B′, (B, S, out) */
const linear = (g: GraphBuilder, x: Value, name: string, tensor: TensorLookup, scale: Value) => {
  const y = fusedMatMul(g, x, need(tensor, `${name}.weight`), { transB: true })
  const [a, b] = [tensor(`${name}.lora_A`), tensor(`${name}.lora_B`)]
  if (!a || !b) return y
  const low = mul(g, fusedMatMul(g, x, a, { transB: true }), scale)
  return add(g, y, fusedMatMul(g, low, b, { transB: true }))
}

/** x + y and its RMS norm, in one pass over the data. */
const addThenNorm = (g: GraphBuilder, x: Value, y: Value, weight: Value, epsilon: number) => {
  const like = { type: x.type, shape: x.shape }
  const [normalized, sum] = g.node({
    operator: 'SkipSimplifiedLayerNormalization',
    domain: 'com.microsoft',
    inputs: [x, y, weight],
    outputs: [like, undefined, undefined, like],
    attributes: { epsilon: float(epsilon) },
  })
  return [normalized!, sum!] as const
}

/** qkv: (B, S, (H + 2·KV)·D) @returns (B, S, H·D); the cache (B, KV, M, D) is read and written in place */
const attention = (
  g: GraphBuilder,
  qkv: Value,
  layer: number,
  config: ModelConfig,
  inputs: Inputs,
): Value => {
  const { heads, headDim } = config
  const kvHeads = config.kvHeads[layer]!
  const cache = ['B', kvHeads, 'M', headDim] as const
  const pastKey = g.input(`past_key.${layer}`, 'float32', cache)
  const pastValue = g.input(`past_value.${layer}`, 'float32', cache)
  const [out, key, value] = g.node({
    operator: 'GroupQueryAttention',
    domain: 'com.microsoft',
    inputs: [
      qkv,
      undefined,
      undefined,
      pastKey,
      pastValue,
      inputs.lastPositions,
      inputs.totalLength,
      inputs.cos,
      inputs.sin,
    ],
    outputs: [
      { type: 'float32', shape: qkv.shape.with(-1, heads * headDim) },
      { type: 'float32', shape: cache },
      { type: 'float32', shape: cache },
    ],
    attributes: {
      num_heads: int(heads),
      kv_num_heads: int(kvHeads),
      scale: float(1 / Math.sqrt(headDim)),
      do_rotary: int(1),
    },
  })
  g.output(`present_key.${layer}`, key!)
  g.output(`present_value.${layer}`, value!)
  return out!
}

/**
 * Builds the graph: `tokens` (B, S) padded on the right, `last_index` (B) flat index of each slot's last real token,
 * `last_positions`, `total_length`, `cos`, `sin`, `adapter_scale`, `past_key.{i}`, `past_value.{i}`
 * → `next` (B) the most likely next token, `present_key.{i}`, `present_value.{i}`.
 */
export const llamaDecode = (g: GraphBuilder, config: ModelConfig, tensor: TensorLookup): void => {
  const { hiddenSize, intermediateSize, rmsNormEpsilon: epsilon } = config
  const tokens = g.input('tokens', 'int32', ['B', 'S'])
  const lastIndex = g.input('last_index', 'int32', ['B'])
  const inputs: Inputs = {
    lastPositions: g.input('last_positions', 'int32', ['B']),
    totalLength: g.input('total_length', 'int32', []),
    cos: g.input('cos', 'float32', ['M', config.headDim / 2]),
    sin: g.input('sin', 'float32', ['M', config.headDim / 2]),
    adapterScale: g.input('adapter_scale', 'float32', [1]),
  }
  const scale = inputs.adapterScale
  let x = gather(g, need(tensor, 'model.embed_tokens.weight'), tokens)
  const firstNorm = need(tensor, 'model.layers.0.input_layernorm.weight')
  let [normalized] = rmsNorm(g, x, firstNorm, epsilon)
  for (let layer = 0; layer < config.layers; layer++) {
    const at = `model.layers.${layer}`
    const qkv = linear(g, normalized, `${at}.self_attn.qkv_proj`, tensor, scale)
    const attended = attention(g, qkv, layer, config, inputs)
    const o = linear(g, attended, `${at}.self_attn.o_proj`, tensor, scale)
    const postNorm = need(tensor, `${at}.post_attention_layernorm.weight`)
    ;[normalized, x] = addThenNorm(g, x, o, postNorm, epsilon)
    const gateUp = linear(g, normalized, `${at}.mlp.gate_up_proj`, tensor, scale)
    const [gate, up] = split(g, gateUp, -1, [intermediateSize, intermediateSize])
    const down = linear(g, mul(g, silu(g, gate!), up!), `${at}.mlp.down_proj`, tensor, scale)
    if (layer === config.layers - 1) x = add(g, x, down)
    else {
      const nextNorm = need(tensor, `model.layers.${layer + 1}.input_layernorm.weight`)
      ;[normalized, x] = addThenNorm(g, x, down, nextNorm, epsilon)
    }
  }
  const last = gather(g, reshape(g, x, ['N', hiddenSize]), lastIndex)
  const [final] = rmsNorm(g, last, need(tensor, 'model.norm.weight'), epsilon)
  const head = tensor('lm_head.weight') ?? need(tensor, 'model.embed_tokens.weight')
  const logits = fusedMatMul(g, final, head, { transB: true })
  const [next] = g.node({
    operator: 'ArgMax',
    inputs: [logits],
    outputs: [{ type: 'int64', shape: ['B'] }],
    attributes: { axis: int(-1), keepdims: int(0) },
  })
  g.output('next', next!)
}
