/** The gradient of broadcasting, for every operator that broadcasts. */
import type { GraphBuilder } from '../graph/build.ts'
import type { Shape, Value } from '../graph/node.ts'
import { reshape } from '../graph/operators/movement.ts'
import { reduceSum } from '../graph/operators/reduce.ts'
import { sameShape } from '../graph/shapes.ts'

/** @returns `gradient` summed over the axes along which `shape` was broadcast */
export const sumTo = (g: GraphBuilder, gradient: Value, shape: Shape): Value => {
  if (sameShape(gradient.shape, shape)) return gradient
  const added = gradient.shape.length - shape.length
  const axes = gradient.shape.flatMap((d, i) =>
    i < added || (shape[i - added] === 1 && d !== 1) ? [i] : [],
  )
  const summed = axes.length > 0 ? reduceSum(g, gradient, axes) : gradient
  return sameShape(summed.shape, shape) ? summed : reshape(g, summed, shape)
}
