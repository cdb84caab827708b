/** Matrix products. Weights are `[out, in]`, as Hugging Face stores them, so linear layers transpose B. */
import type { GraphBuilder } from '../build.ts'
import { float, int, type Value } from '../node.ts'
import { multiplied } from '../shapes.ts'

/** A: (…, M, K), B: (…, K, N) @returns (…, M, N) */
export const matMul = (g: GraphBuilder, a: Value, b: Value): Value =>
  g.node({
    operator: 'MatMul',
    inputs: [a, b],
    outputs: [{ type: a.type, shape: multiplied(a.shape, b.shape) }],
  })[0]!

export type MatMulOptions = {
  readonly transA?: boolean
  readonly transB?: boolean
  readonly alpha?: number
}

/** alpha · A′B′, where ′ transposes the last two dimensions if asked to (com.microsoft) */
export const fusedMatMul = (
  g: GraphBuilder,
  a: Value,
  b: Value,
  { transA = false, transB = false, alpha = 1 }: MatMulOptions,
): Value =>
  g.node({
    operator: 'FusedMatMul',
    domain: 'com.microsoft',
    inputs: [a, b],
    outputs: [{ type: a.type, shape: multiplied(a.shape, b.shape, transA, transB) }],
    attributes: { alpha: float(alpha), transA: int(Number(transA)), transB: int(Number(transB)) },
  })[0]!

/** alpha · A′B′ + C; A and B of rank 2, C broadcast to the product's shape */
export const gemm = (
  g: GraphBuilder,
  a: Value,
  b: Value,
  c: Value | undefined,
  { transA = false, transB = false, alpha = 1 }: MatMulOptions,
): Value =>
  g.node({
    operator: 'Gemm',
    inputs: c ? [a, b, c] : [a, b],
    outputs: [{ type: a.type, shape: multiplied(a.shape, b.shape, transA, transB) }],
    attributes: { alpha: float(alpha), transA: int(Number(transA)), transB: int(Number(transB)) },
  })[0]!
