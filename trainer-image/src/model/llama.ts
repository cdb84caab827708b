/**
 * Forward pass of a Llama for training: packed documents in, last hidden states out.
 * B rows, T tokens, M = B·T, C hidden size, H query heads, K key-value heads, D head size.
 */
import { attention, queryBlocks } from '../autodiff/composites/attention.ts'
import { unitRms } from '../autodiff/composites/unit-rms.ts'
import { recomputed } from '../autodiff/recompute.ts'
import type { GraphBuilder } from '../graph/build.ts'
import type { Value } from '../graph/node.ts'
import { add, and, equal, greaterOrEqual, mul, where } from '../graph/operators/elementwise.ts'
import { rotaryEmbedding, silu } from '../graph/operators/fused.ts'
import { gather, reshape, slice, transpose } from '../graph/operators/movement.ts'
import type { ModelConfig } from './config.ts'
import type { Linears } from './lora.ts'

/** Added to a score that must not count; finite, so that no row can become NaN. */
const MASKED = -1e30

export type LlamaInputs = {
  readonly rows: number
  readonly length: number
  /** (B, T) int32 */
  readonly tokens: Value
  /** (B, T) int64 position within the document */
  readonly positions: Value
  /** (B, T) int32 document within the row */
  readonly segments: Value
  /** (positions, D/2) */
  readonly cos: Value
  readonly sin: Value
}

export type LlamaParts = {
  readonly config: ModelConfig
  /** a frozen weight by its Hugging Face name */
  readonly weight: (name: string) => Value
  readonly linears: Linears
  /** of every layer only its input is kept for the backward pass */
  readonly recomputeLayers: boolean
}

/** A token sees the tokens of its own document up to itself. @returns per query block (B, 1, 1, block, end) */
export const attentionBiases = (
  g: GraphBuilder,
  segments: Value,
  length: number,
  block?: number,
): readonly Value[] => {
  const [rows] = segments.shape
  const indices = (start: number, end: number, shape: readonly number[]) =>
    g.constant(
      'int32',
      Int32Array.from({ length: end - start }, (_, i) => start + i),
      shape,
    )
  const [visible, hidden] = [g.scalar('float32', 0), g.scalar('float32', MASKED)]
  return queryBlocks(length, block).map(({ start, end }) => {
    const n = end - start
    const queries = reshape(g, slice(g, segments, { axis: 1, start, end }), [rows!, 1, 1, n, 1])
    const keys = reshape(g, slice(g, segments, { axis: 1, start: 0, end }), [rows!, 1, 1, 1, end])
    const causal = greaterOrEqual(g, indices(start, end, [n, 1]), indices(0, end, [1, end]))
    return where(g, and(g, equal(g, queries, keys), causal), visible, hidden)
  })
}

/** x: (M, n·D) @returns (B, n, T, D) */
const heads = (g: GraphBuilder, x: Value, inputs: LlamaInputs, n: number, d: number): Value =>
  transpose(g, reshape(g, x, [inputs.rows, inputs.length, n, d]), [0, 2, 1, 3])

const rotate = (g: GraphBuilder, x: Value, inputs: LlamaInputs): Value => {
  const { rows, length } = inputs
  const width = x.shape[1]!
  const rotated = rotaryEmbedding(g, reshape(g, x, [rows, length, width]), inputs)
  return reshape(g, rotated, x.shape)
}

type LayerContext = {
  readonly parts: LlamaParts
  readonly inputs: LlamaInputs
  readonly biases: readonly Value[]
  readonly layer: number
}

/** x: (M, C) @returns (M, C) */
const selfAttention = (g: GraphBuilder, x: Value, context: LayerContext): Value => {
  const { parts, inputs, biases, layer } = context
  const { config, linears } = parts
  const { rows, length } = inputs
  const [d, h, k] = [config.headDim, config.heads, config.kvHeads[layer]!]
  const path = `model.layers.${layer}.self_attn`
  const names = ['q_proj', 'k_proj', 'v_proj'].map(name => `${path}.${name}`)
  const [xq, xk, xv] = linears(g, x, names)
  const q = heads(g, rotate(g, xq!, inputs), inputs, h, d)
  const keys = heads(g, rotate(g, xk!, inputs), inputs, k, d)
  const values = heads(g, xv!, inputs, k, d)
  const queries = reshape(g, q, [rows, k, h / k, length, d])
  const out = attention(g, { q: queries, k: keys, v: values, biases })
  const joined = transpose(g, reshape(g, out, [rows, h, length, d]), [0, 2, 1, 3])
  return linears(g, reshape(g, joined, [rows * length, h * d]), [`${path}.o_proj`])[0]!
}

/** x: (M, C) @returns (M, C) */
const feedForward = (g: GraphBuilder, x: Value, { parts, layer }: LayerContext): Value => {
  const path = `model.layers.${layer}.mlp`
  const [gate, up] = parts.linears(g, x, [`${path}.gate_proj`, `${path}.up_proj`])
  const gated = g.cheap(() => mul(g, silu(g, gate!), up!))
  return parts.linears(g, gated, [`${path}.down_proj`])[0]!
}

/** x: (…, C), weight: (C) @returns (…, C) */
const rmsNorm = (g: GraphBuilder, x: Value, weight: Value, epsilon: number): Value => {
  const normalized = unitRms(g, x, epsilon)
  return g.cheap(() => mul(g, normalized, weight))
}

const transformerLayer = (g: GraphBuilder, x: Value, context: LayerContext): Value => {
  const { parts, layer } = context
  const norm = (y: Value, name: string) => {
    const weight = parts.weight(`model.layers.${layer}.${name}.weight`)
    return rmsNorm(g, y, weight, parts.config.rmsNormEpsilon)
  }
  const attended = g.scope('self_attn', () => selfAttention(g, norm(x, 'input_layernorm'), context))
  const h = add(g, x, attended)
  const fed = g.scope('mlp', () => feedForward(g, norm(h, 'post_attention_layernorm'), context))
  return add(g, h, fed)
}

/** @returns the hidden states that the output head reads, (M, C) */
export const llamaHidden = (g: GraphBuilder, parts: LlamaParts, inputs: LlamaInputs): Value => {
  const { config, weight, recomputeLayers } = parts
  const { rows, length, tokens, segments } = inputs
  const biases = attentionBiases(g, segments, length)
  const flat = reshape(g, tokens, [rows * length])
  let x = gather(g, weight('model.embed_tokens.weight'), flat)
  for (let layer = 0; layer < config.layers; layer++) {
    const run = (y: Value) => transformerLayer(g, y, { parts, inputs, biases, layer })
    x = g.scope(`layers.${layer}`, () => (recomputeLayers ? recomputed(g, x, run) : run(x)))
  }
  return rmsNorm(g, x, weight('model.norm.weight'), config.rmsNormEpsilon)
}

/** The output head's weight, (V, C). */
export const headWeightName = ({ tieWordEmbeddings }: ModelConfig): string =>
  tieWordEmbeddings ? 'model.embed_tokens.weight' : 'lm_head.weight'
