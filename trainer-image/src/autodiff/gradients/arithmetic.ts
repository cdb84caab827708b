/** Gradients of operators that work element by element. `d` is the gradient of the only output. */
import { cast, div, identity, mul, neg, sub, where } from '../../graph/operators/elementwise.ts'
import { inputOf, outputOf, type Row } from '../row.ts'

export const ARITHMETIC: Readonly<Record<string, Row>> = {
  Add: (_, __, [d]) => [() => d!, () => d!],
  Sub: (g, _, [d]) => [() => d!, () => neg(g, d!)],
  Mul: (g, node, [d]) => [() => mul(g, d!, inputOf(node, 1)), () => mul(g, d!, inputOf(node, 0))],
  // d(a/b)/db = -(a/b)/b
  Div: (g, node, [d]) => [
    () => div(g, d!, inputOf(node, 1)),
    () => neg(g, div(g, mul(g, d!, outputOf(node, 0)), inputOf(node, 1))),
  ],
  Neg: (g, _, [d]) => [() => neg(g, d!)],
  Exp: (g, node, [d]) => [() => mul(g, d!, outputOf(node, 0))],
  Log: (g, node, [d]) => [() => div(g, d!, inputOf(node, 0))],
  // d√x/dx = 1/(2√x)
  Sqrt: (g, node, [d]) => [() => div(g, mul(g, d!, g.scalar(d!.type, 0.5)), outputOf(node, 0))],
  Reciprocal: (g, node, [d]) => {
    const y = outputOf(node, 0)
    return [() => neg(g, mul(g, d!, mul(g, y, y)))]
  },
  // s' = s - s²
  Sigmoid: (g, node, [d]) => {
    const s = outputOf(node, 0)
    return [() => mul(g, d!, sub(g, s, mul(g, s, s)))]
  },
  // t' = 1 - t²
  Tanh: (g, node, [d]) => {
    const t = outputOf(node, 0)
    return [() => mul(g, d!, sub(g, g.scalar(t.type, 1), mul(g, t, t)))]
  },
  Identity: (g, _, [d]) => [() => identity(g, d!)],
  Cast: (g, node, [d]) => [() => cast(g, d!, inputOf(node, 0).type)],
  Where: (g, node, [d]) => {
    const zero = g.scalar(d!.type, 0)
    const condition = inputOf(node, 0)
    return [undefined, () => where(g, condition, d!, zero), () => where(g, condition, zero, d!)]
  },
  Pow: (g, node, [d]) => {
    const [x, exponent] = [inputOf(node, 0), inputOf(node, 1)]
    return [() => mul(g, d!, div(g, mul(g, outputOf(node, 0), exponent), x)), undefined]
  },
}
