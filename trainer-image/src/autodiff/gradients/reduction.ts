/** Gradients of operators that fold axes. `d` is the gradient of the only output. */
import type { GraphBuilder } from '../../graph/build.ts'
import type { Node, Value } from '../../graph/node.ts'
import { mul, sub } from '../../graph/operators/elementwise.ts'
import { reshape } from '../../graph/operators/movement.ts'
import { reduceSum } from '../../graph/operators/reduce.ts'
import { axisOf, known, reduced } from '../../graph/shapes.ts'
import { constantsOf } from '../constants.ts'
import { inputOf, numberOf, outputOf, type Row } from '../row.ts'
import { shapeOf } from '../shape-of.ts'

const axesOf = (g: GraphBuilder, node: Node): readonly number[] => constantsOf(g, inputOf(node, 1))

/** d with the folded axes put back as ones */
const withOnes = (g: GraphBuilder, node: Node, d: Value): Value =>
  reshape(g, d, reduced(inputOf(node, 0).shape, axesOf(g, node), true))

/** d along the folded axes, once for each element that was summed */
const spread = (g: GraphBuilder, node: Node, d: Value): Value => {
  const x = inputOf(node, 0)
  return g.node({
    operator: 'Expand',
    inputs: [withOnes(g, node, d), shapeOf(g, x)],
    outputs: [{ type: x.type, shape: x.shape }],
  })[0]!
}

export const REDUCTION: Readonly<Record<string, Row>> = {
  ReduceSum: (g, node, [d]) => [() => spread(g, node, d!)],
  ReduceMean: (g, node, [d]) => {
    const x = inputOf(node, 0)
    const folded = known(axesOf(g, node).map(axis => x.shape[axis]!)).reduce((a, b) => a * b, 1)
    return [() => spread(g, node, mul(g, d!, g.scalar(d!.type, 1 / folded)))]
  },
  ReduceSumSquare: (g, node, [d]) => {
    const x = inputOf(node, 0)
    return [() => mul(g, mul(g, x, g.scalar(x.type, 2)), withOnes(g, node, d!))]
  },
  // dx = y(d - Σ d·y)
  Softmax: (g, node, [d]) => {
    const y = outputOf(node, 0)
    const axis = axisOf(numberOf(node, 'axis', -1), y.shape.length)
    return [() => mul(g, y, sub(g, d!, reduceSum(g, mul(g, d!, y), [axis])))]
  },
}
