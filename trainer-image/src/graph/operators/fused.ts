/** Fused operators that ONNX Runtime has a kernel of its own for. */
import type { GraphBuilder } from '../build.ts'
import { float, int, type Value } from '../node.ts'

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

/** x: (B, T, H·D) or (B, H, T, D); halves of D are rotated (Hugging Face's layout) */
export const rotaryEmbedding = (
  g: GraphBuilder,
  x: Value,
  { positions, cos, sin }: RotaryInputs,
  heads = 0,
): Value =>
  g.node({
    operator: 'RotaryEmbedding',
    domain: 'com.microsoft',
    inputs: [x, positions, cos, sin],
    outputs: [{ type: x.type, shape: x.shape }],
    attributes: { interleaved: int(0), num_heads: int(heads) },
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
