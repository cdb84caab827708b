/**
 * y = xWᵀ with a frozen weight in few bits, which is D + shifts: xDᵀ, and where there are shifts their product with the
 * sums of x over each block. ONNX Runtime's product xDᵀ has no form for dx = dy·D, so the gradient dequantizes the same
 * bytes, one weight at a time: it is kept no longer than its product takes.
 */
import type { GraphBuilder } from '../../graph/build.ts'
import { int, type Value } from '../../graph/node.ts'
import { add } from '../../graph/operators/elementwise.ts'
import { fusedMatMul } from '../../graph/operators/matrix.ts'
import { reshape } from '../../graph/operators/movement.ts'
import {
  dequantizeLinear,
  matMulNBits,
  type QuantizedWeight,
} from '../../graph/operators/quantized.ts'
import { reduceSum } from '../../graph/operators/reduce.ts'
import { known } from '../../graph/shapes.ts'
import { inputOf, numberOf, type Row } from '../row.ts'

/** x: (M, K) @returns the sum of each block, (M, K / blockSize) */
export const blockSums = (g: GraphBuilder, x: Value, blockSize: number): Value => {
  const [rows, columns] = known(x.shape)
  const blocks = [rows!, columns! / blockSize, blockSize]
  return reduceSum(g, reshape(g, x, blocks), [2], false)
}

/** x: (M, K) @returns xDᵀ, (M, N) */
const codesLinear = (g: GraphBuilder, x: Value, weight: QuantizedWeight): Value => {
  const { codes, scales, zeros, blockSize } = weight
  const build = () => [matMulNBits(g, x, weight)]
  const attributes = { block_size: int(blockSize) }
  return g.composite('QuantizedLinear', [x, codes, scales, zeros], build, attributes)[0]!
}

/** x: (M, K), its block sums if they are there: (M, K / blockSize) @returns xWᵀ, (M, N) */
export const quantizedLinear = (
  g: GraphBuilder,
  x: Value,
  weight: QuantizedWeight,
  sums?: Value,
): Value => {
  const y = codesLinear(g, x, weight)
  const { shifts, blockSize } = weight
  if (!shifts) return y
  return add(g, y, fusedMatMul(g, sums ?? blockSums(g, x, blockSize), shifts, { transB: true }))
}

export const QUANTIZED_LINEAR: Readonly<Record<string, Row>> = {
  QuantizedLinear: (g, node, [d]) => {
    const [codes, scales, zeros] = [inputOf(node, 1), inputOf(node, 2), inputOf(node, 3)]
    const blockSize = numberOf(node, 'block_size', 0)
    return [() => fusedMatMul(g, d!, dequantizeLinear(g, { codes, scales, zeros, blockSize }), {})]
  },
}
