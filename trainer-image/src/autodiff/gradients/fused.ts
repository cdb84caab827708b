/** Gradients of ONNX Runtime's fused operators. `d` is the gradient of the first output. */
import { add, mul, neg, sigmoid, sub } from '../../graph/operators/elementwise.ts'
import { rotaryEmbedding } from '../../graph/operators/fused.ts'
import { inputOf, numberOf, outputOf, type Row } from '../row.ts'

export const FUSED: Readonly<Record<string, Row>> = {
  // A rotation's transpose is the rotation by the negated angle.
  RotaryEmbedding: (g, node, [d]) => [
    () =>
      rotaryEmbedding(
        g,
        d!,
        { positions: inputOf(node, 1), cos: inputOf(node, 2), sin: neg(g, inputOf(node, 3)) },
        numberOf(node, 'num_heads', 0),
      ),
  ],
  // y = x·s with s = sigmoid(x): y' = s·(1 + x - y)
  QuickGelu: (g, node, [d]) => {
    if (numberOf(node, 'alpha', 1.702) !== 1)
      throw new TypeError('QuickGelu has a gradient at alpha 1')
    const [x, y] = [inputOf(node, 0), outputOf(node, 0)]
    const slope = () => mul(g, sigmoid(g, x), add(g, sub(g, x, y), g.scalar(x.type, 1)))
    return [() => mul(g, d!, slope())]
  },
}
