/** Gradients of matrix products. `d` is the gradient of the product. */
import type { GraphBuilder } from '../../graph/build.ts'
import type { Node, Value } from '../../graph/node.ts'
import { fusedMatMul } from '../../graph/operators/matrix.ts'
import { inputOf, numberOf, type Row } from '../row.ts'

type Product = {
  readonly a: Value
  readonly b: Value
  readonly transA: boolean
  readonly transB: boolean
  readonly alpha: number
}

const productOf = (node: Node): Product => ({
  a: inputOf(node, 0),
  b: inputOf(node, 1),
  transA: numberOf(node, 'transA', 0) === 1,
  transB: numberOf(node, 'transB', 0) === 1,
  alpha: numberOf(node, 'alpha', 1),
})

/** C = αA′B′ gives dA′ = αdC B′ᵀ, and dA = dA′ᵀ where A was transposed. */
const leftGradient = (g: GraphBuilder, { a, b, transA, transB, alpha }: Product, d: Value) => {
  if (a.shape.length < b.shape.length) throw new TypeError('a product with a broadcast left side')
  return transA
    ? fusedMatMul(g, b, d, { transA: transB, transB: true, alpha })
    : fusedMatMul(g, d, b, { transB: !transB, alpha })
}

/** dB′ = αA′ᵀdC */
const rightGradient = (g: GraphBuilder, { a, transA, transB, alpha }: Product, d: Value) =>
  transB
    ? fusedMatMul(g, d, a, { transA: true, transB: transA, alpha })
    : fusedMatMul(g, a, d, { transA: !transA, alpha })

const product: Row = (g, node, [d]) => {
  const parts = productOf(node)
  return [() => leftGradient(g, parts, d!), () => rightGradient(g, parts, d!), () => d!]
}

export const MATRIX: Readonly<Record<string, Row>> = {
  MatMul: product,
  FusedMatMul: product,
  Gemm: product,
}
