/** Gradients of operators that move elements: the inverse movement. */
import { type Dimension, int } from '../../graph/node.ts'
import {
  concat,
  reshape,
  scatterElements,
  slice,
  transpose,
} from '../../graph/operators/movement.ts'
import { known } from '../../graph/shapes.ts'
import { constantsOf } from '../constants.ts'
import { inputOf, numberOf, numbersOf, outputOf, type Row } from '../row.ts'
import { shapeOf, zerosLike } from '../shape-of.ts'

const numeric = (dimension: Dimension | undefined): number => known([dimension ?? 0])[0]!

const sliceGradient: Row = (g, node, [d]) => {
  const x = inputOf(node, 0)
  const [start, end, axis] = [1, 2, 3].map(i => constantsOf(g, inputOf(node, i))[0]!)
  return [
    () => {
      const size = numeric(x.shape[axis!])
      const pads = new Array<number>(2 * x.shape.length).fill(0)
      pads[axis!] = Math.min(start!, size)
      pads[axis! + x.shape.length] = size - Math.min(end!, size)
      return g.node({
        operator: 'Pad',
        inputs: [d!, g.constant('int64', pads)],
        outputs: [{ type: x.type, shape: x.shape }],
      })[0]!
    },
  ]
}

const concatGradient: Row = (g, node, [d]) => {
  const axis = numberOf(node, 'axis', 0)
  let start = 0
  return node.inputs.map(input => {
    const from = start
    start += numeric(input?.shape[axis])
    const to = start
    return () => slice(g, d!, { axis, start: from, end: to })
  })
}

const gatherGradient: Row = (g, node, [d]) => {
  const [x, indices] = [inputOf(node, 0), inputOf(node, 1)]
  if (numberOf(node, 'axis', 0) !== 0) throw new TypeError('Gather has a gradient only on axis 0')
  return [
    () => {
      const index = g.node({
        operator: 'Cast',
        inputs: [indices],
        outputs: [{ type: 'int64', shape: indices.shape }],
        attributes: { to: int(7) },
      })[0]!
      // ScatterND adds on several threads at once, and loses sums where an index comes twice
      const rest = x.shape.slice(1).map(() => 1)
      const column = reshape(g, index, [...indices.shape, ...rest])
      const spread = g.node({
        operator: 'Expand',
        inputs: [column, shapeOf(g, d!)],
        outputs: [{ type: 'int64', shape: d!.shape }],
      })[0]!
      return scatterElements(g, zerosLike(g, x), spread, d!, 0)
    },
  ]
}

export const MOVEMENT: Readonly<Record<string, Row>> = {
  Reshape: (g, node, [d]) => [() => reshape(g, d!, inputOf(node, 0).shape)],
  Transpose: (g, node, [d]) => {
    const perm = numbersOf(node, 'perm')
    const inverse = perm.map((_, axis) => perm.indexOf(axis))
    return [() => transpose(g, d!, inverse)]
  },
  Slice: sliceGradient,
  Concat: concatGradient,
  Split: (g, node, gradients) => [
    () =>
      concat(
        g,
        gradients.map((d, i) => d ?? zerosLike(g, outputOf(node, i))),
        numberOf(node, 'axis', 0),
      ),
  ],
  // Summed back to the input's shape by the walk.
  Expand: (_, __, [d]) => [() => d!],
  Gather: gatherGradient,
  GatherElements: (g, node, [d]) => {
    const [x, indices] = [inputOf(node, 0), inputOf(node, 1)]
    const axis = numberOf(node, 'axis', 0)
    return [() => scatterElements(g, zerosLike(g, x), indices, d!, axis)]
  },
}
