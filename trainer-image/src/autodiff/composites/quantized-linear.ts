/**
 * y = xWᵀ with a frozen weight in few bits. ONNX Runtime's product has no form for dx = dy·W, so the gradient
 * dequantizes the same bytes, one weight at a time: it is kept no longer than its product takes.
 */
import type { GraphBuilder } from '../../graph/build.ts'
import { int, type Value } from '../../graph/node.ts'
import { fusedMatMul } from '../../graph/operators/matrix.ts'
import { dequantized, matMulNBits, type QuantizedWeight } from '../../graph/operators/quantized.ts'
import { inputOf, numberOf, type Row } from '../row.ts'

/** x: (M, K) @returns (M, N) */
export const quantizedLinear = (g: GraphBuilder, x: Value, weight: QuantizedWeight): Value => {
  const { codes, scales, zeros, shifts, blockSize } = weight
  const build = () => [matMulNBits(g, x, weight)]
  const inputs = [x, codes, scales, zeros, ...(shifts ? [shifts] : [])]
  return g.composite('QuantizedLinear', inputs, build, { block_size: int(blockSize) })[0]!
}

export const QUANTIZED_LINEAR: Readonly<Record<string, Row>> = {
  QuantizedLinear: (g, node, [d]) => {
    const [codes, scales, zeros] = [inputOf(node, 1), inputOf(node, 2), inputOf(node, 3)]
    const [shifts, blockSize] = [node.inputs[4], numberOf(node, 'block_size', 0)]
    const weight = { codes, scales, zeros, blockSize, ...(shifts ? { shifts } : {}) }
    return [() => fusedMatMul(g, d!, dequantized(g, weight), {})]
  },
}
