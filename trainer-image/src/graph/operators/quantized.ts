/**
 * Products with a weight (N, K) that is kept in few bits: blocks of `blockSize` codes along K with one scale and one zero
 * point each, w = (code - zero) · scale. Two operators read the same bytes: `MatMulNBits` of ONNX Runtime takes them as
 * bytes, low nibble first, and ONNX's blocked `DequantizeLinear` as a tensor of 4- or 8-bit numbers. Of zero points that
 * are no codes only the first knows; beside the other stand `shifts`, w = code · scale + shift.
 */
import type { GraphBuilder } from '../build.ts'
import { int, type Value } from '../node.ts'
import { known } from '../shapes.ts'
import { add } from './elementwise.ts'
import { reshape } from './movement.ts'

export type QuantizedWeight = {
  readonly bits: 4 | 8
  readonly blockSize: number
  /** (N, K) uint4 or uint8 */
  readonly codes: Value
  /** the same bytes, (N, K / blockSize, blockSize · bits / 8) uint8 */
  readonly packedCodes: Value
  /** (N, K / blockSize) float32 */
  readonly scales: Value
  /** (N, K / blockSize) of the type of `codes`, or float32 where there are shifts */
  readonly zeros: Value
  /** (N, K / blockSize, 1) float32 */
  readonly shifts?: Value
}

/** Products are computed in float32: levels above 1 would round x too. */
const FLOAT32_ACCURACY = 1

/** x: (…, K) @returns x Wᵀ, (…, N) (com.microsoft) */
export const matMulNBits = (g: GraphBuilder, x: Value, w: QuantizedWeight): Value => {
  const [n, k] = known(w.codes.shape)
  return g.node({
    operator: 'MatMulNBits',
    domain: 'com.microsoft',
    inputs: [x, w.packedCodes, w.scales, w.zeros],
    outputs: [{ type: x.type, shape: x.shape.with(-1, n!) }],
    attributes: {
      N: int(n!),
      K: int(k!),
      bits: int(w.bits),
      block_size: int(w.blockSize),
      accuracy_level: int(FLOAT32_ACCURACY),
    },
  })[0]!
}

/** @returns W in float32, (N, K) */
export const dequantized = (
  g: GraphBuilder,
  { codes, scales, zeros, shifts, blockSize }: Omit<QuantizedWeight, 'bits' | 'packedCodes'>,
): Value => {
  const values = g.node({
    operator: 'DequantizeLinear',
    inputs: shifts ? [codes, scales] : [codes, scales, zeros],
    outputs: [{ type: scales.type, shape: codes.shape }],
    attributes: { axis: int(1), block_size: int(blockSize) },
  })[0]!
  if (!shifts) return values
  const [rows, blocks] = known(scales.shape)
  const shifted = add(g, reshape(g, values, [rows!, blocks!, blockSize]), shifts)
  return reshape(g, shifted, codes.shape)
}
