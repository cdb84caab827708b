/** Fused operators that ONNX Runtime has a kernel of its own for. */
import type { GraphBuilder } from '../build.ts'
import { float, int, text, type Value } from '../node.ts'

/** x / rms(x) · weight over the last axis @returns the result and 1 / rms of each row (…, 1) */
export const rmsNorm = (
  g: GraphBuilder,
  x: Value,
  weight: Value,
  epsilon: number,
): readonly [normalized: Value, inverseRms: Value] => {
  const [normalized, inverseRms] = g.node({
    operator: 'SimplifiedLayerNormalization',
    inputs: [x, weight],
    outputs: [
      { type: x.type, shape: x.shape },
      { type: 'float32', shape: x.shape.with(-1, 1) },
    ],
    attributes: { axis: int(-1), epsilon: float(epsilon), stash_type: int(1) },
  })
  return [normalized!, inverseRms!]
}

export type RotaryInputs = {
  /** (B, T) int64 */
  readonly positions: Value
  /** (maxPositions, D / 2) */
  readonly cos: Value
  readonly sin: Value
}

export type RotaryHeads = {
  readonly heads: number
  /** how many of the D values of each head are rotated: the first ones, twice the width of the tables */
  readonly rotaryDim: number
}

/** x: (B, T, H·D) or (B, H, T, D); halves of D are rotated (Hugging Face's layout). @param part where not all of D is */
export const rotaryEmbedding = (
  g: GraphBuilder,
  x: Value,
  { positions, cos, sin }: RotaryInputs,
  part?: RotaryHeads,
): Value =>
  g.node({
    operator: 'RotaryEmbedding',
    domain: 'com.microsoft',
    inputs: [x, positions, cos, sin],
    outputs: [{ type: x.type, shape: x.shape }],
    attributes: {
      interleaved: int(0),
      num_heads: int(part?.heads ?? 0),
      ...(part ? { rotary_embedding_dim: int(part.rotaryDim) } : {}),
    },
  })[0]!

type AttentionInputs = {
  /** (B, H, S, D) */
  readonly q: Value
  /** (B, K, L, D); H/K query heads share a key-value head */
  readonly k: Value
  readonly v: Value
  /** (B, 1, S, L), added to the scores */
  readonly bias: Value
  readonly scale: number
}

/** ONNX 23's Attention: softmax(scale · q kᵀ + bias) v @returns (B, H, S, D) */
export const scaledDotProduct = (
  g: GraphBuilder,
  { q, k, v, bias, scale }: AttentionInputs,
): Value =>
  g.node({
    operator: 'Attention',
    inputs: [q, k, v, bias],
    outputs: [{ type: q.type, shape: q.shape }],
    attributes: { scale: float(scale) },
  })[0]!

/** x · sigmoid(x), which is ONNX Runtime's QuickGelu with alpha 1 */
export const silu = (g: GraphBuilder, x: Value): Value =>
  g.node({
    operator: 'QuickGelu',
    domain: 'com.microsoft',
    inputs: [x],
    outputs: [{ type: x.type, shape: x.shape }],
    attributes: { alpha: float(1) },
  })[0]!

/** x / 2 · (1 + tanh(√(2/π)·(x + 0.044715·x³))) (Hendrycks and Gimpel 2016, arXiv:1606.08415) */
export const geluTanh = (g: GraphBuilder, x: Value): Value =>
  g.node({
    operator: 'Gelu',
    inputs: [x],
    outputs: [{ type: x.type, shape: x.shape }],
    attributes: { approximate: text('tanh') },
  })[0]!
