/** Gradients of ONNX Runtime's fused operators. `d` is the gradient of the first output. */
import type { GraphBuilder } from '../../graph/build.ts'
import type { Value } from '../../graph/node.ts'
import { add, mul, neg, sigmoid, sub, tanh } from '../../graph/operators/elementwise.ts'
import { rotaryEmbedding } from '../../graph/operators/fused.ts'
import { inputOf, numberOf, outputOf, type Row } from '../row.ts'

const GELU_SCALE = Math.sqrt(2 / Math.PI)
const GELU_CUBE = 0.044715

const geluTanhSlope = (g: GraphBuilder, x: Value): Value => {
  const times = (value: Value, factor: number) => mul(g, value, g.scalar(x.type, factor))
  const one = g.scalar(x.type, 1)
  const square = mul(g, x, x)
  const t = tanh(g, times(mul(g, x, add(g, one, times(square, GELU_CUBE))), GELU_SCALE))
  const inner = times(add(g, one, times(square, 3 * GELU_CUBE)), GELU_SCALE)
  const bend = mul(g, mul(g, x, sub(g, one, mul(g, t, t))), inner)
  return times(add(g, add(g, one, t), bend), 0.5)
}

export const FUSED: Readonly<Record<string, Row>> = {
  // A rotation's transpose is the rotation by the negated angle.
  RotaryEmbedding: (g, node, [d]) => {
    const inputs = { positions: inputOf(node, 1), cos: inputOf(node, 2) }
    const rotaryDim = numberOf(node, 'rotary_embedding_dim', 0)
    const part = rotaryDim > 0 ? { heads: numberOf(node, 'num_heads', 0), rotaryDim } : undefined
    return [() => rotaryEmbedding(g, d!, { ...inputs, sin: neg(g, inputOf(node, 3)) }, part)]
  },
  // y = x·s with s = sigmoid(x): y' = s·(1 + x - y)
  QuickGelu: (g, node, [d]) => {
    if (numberOf(node, 'alpha', 1.702) !== 1)
      throw new TypeError('QuickGelu has a gradient at alpha 1')
    const [x, y] = [inputOf(node, 0), outputOf(node, 0)]
    const slope = () => mul(g, sigmoid(g, x), add(g, sub(g, x, y), g.scalar(x.type, 1)))
    return [() => mul(g, d!, slope())]
  },
  // y = x/2·(1 + t) with t = tanh(a·(x + b·x³)): y' = (1 + t)/2 + x/2·(1 - t²)·a·(1 + 3b·x²)
  Gelu: (g, node, [d]) => {
    if (node.attributes['approximate']?.value !== 'tanh')
      throw new TypeError('Gelu has a gradient in its approximation by tanh')
    const x = inputOf(node, 0)
    return [() => mul(g, d!, geluTanhSlope(g, x))]
  },
}
