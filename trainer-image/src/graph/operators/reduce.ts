/** Operators that fold axes. */
import type { GraphBuilder } from '../build.ts'
import { int, type Value } from '../node.ts'
import { axisOf, reduced } from '../shapes.ts'

const reduction =
  (operator: string) =>
  (g: GraphBuilder, x: Value, axes: readonly number[], keepDims = true): Value => {
    const positive = axes.map(axis => axisOf(axis, x.shape.length))
    return g.node({
      operator,
      inputs: [x, g.constant('int64', positive)],
      outputs: [{ type: x.type, shape: reduced(x.shape, positive, keepDims) }],
      attributes: { keepdims: int(Number(keepDims)) },
    })[0]!
  }

export const reduceSum = reduction('ReduceSum')
export const reduceMax = reduction('ReduceMax')
export const reduceMean = reduction('ReduceMean')
export const reduceSumSquare = reduction('ReduceSumSquare')

export const softmax = (g: GraphBuilder, x: Value, axis = -1): Value =>
  g.node({
    operator: 'Softmax',
    inputs: [x],
    outputs: [{ type: x.type, shape: x.shape }],
    attributes: { axis: int(axisOf(axis, x.shape.length)) },
  })[0]!
