/** Gradients of ONNX Runtime's fused operators. `d` is the gradient of the first output. */
import type { GraphBuilder } from '../../graph/build.ts'
import type { Value } from '../../graph/node.ts'
import { add, mul, neg, sigmoid, sub } from '../../graph/operators/elementwise.ts'
import { rotaryEmbedding } from '../../graph/operators/fused.ts'
import { reduceSum } from '../../graph/operators/reduce.ts'
import { known } from '../../graph/shapes.ts'
import { inputOf, numberOf, outputOf, type Row } from '../row.ts'

/** y = x·r·w with r = 1/rms(x): with e = d·w, dx = e·r - x·(r³/C)·Σ e·x */
const rmsNormInput = (g: GraphBuilder, x: Value, w: Value, r: Value, d: Value): Value => {
  const channels = known(x.shape.slice(-1))[0]!
  const e = mul(g, d, w)
  const dot = reduceSum(g, mul(g, e, x), [-1])
  const cubed = mul(g, mul(g, r, r), mul(g, r, g.scalar(x.type, 1 / channels)))
  return sub(g, mul(g, e, r), mul(g, x, mul(g, dot, cubed)))
}

export const FUSED: Readonly<Record<string, Row>> = {
  SimplifiedLayerNormalization: (g, node, [d]) => {
    const [x, w, r] = [inputOf(node, 0), inputOf(node, 1), outputOf(node, 1)]
    return [() => rmsNormInput(g, x, w, r, d!), () => mul(g, mul(g, d!, x), r)]
  },
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
