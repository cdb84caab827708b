/** Shapes as int64 values, which operators that make tensors ask for, and zeros of a shape. */
import type { GraphBuilder } from '../graph/build.ts'
import { int, type Value } from '../graph/node.ts'

/** @returns the shape of `x`; reads `x` only if a dimension is symbolic, so that it need not be kept otherwise */
export const shapeOf = (g: GraphBuilder, x: Value): Value => {
  const numbers = x.shape.filter(d => typeof d === 'number')
  if (numbers.length === x.shape.length) return g.constant('int64', numbers)
  const outputs = [{ type: 'int64' as const, shape: [x.shape.length] }]
  return g.node({ operator: 'Shape', inputs: [x], outputs, attributes: { start: int(0) } })[0]!
}

export const zerosLike = (g: GraphBuilder, like: Value): Value =>
  g.node({
    operator: 'ConstantOfShape',
    inputs: [shapeOf(g, like)],
    outputs: [{ type: 'float32', shape: like.shape }],
  })[0]!
