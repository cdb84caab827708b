/** Control over the order in which ONNX Runtime computes. */
import type { GraphBuilder } from '../build.ts'
import { int, type Value } from '../node.ts'
import { known } from '../shapes.ts'
import { concat, split } from './movement.ts'

/**
 * ONNX Runtime walks depth first from the outputs, so a large value that two outputs need is kept from the first to the
 * second, which may lie far apart.
 * @param values equal in all dimensions but `axis`
 * @param sizes (values) int64, of that dimension; needed where one is known only when the graph runs
 * @returns the same values, which are all computed when the first is needed
 */
export const together = (
  g: GraphBuilder,
  values: readonly Value[],
  axis: number,
  sizes?: Value,
): readonly Value[] => {
  const joined = concat(g, values, axis)
  if (!sizes) return split(g, joined, axis, known(values.map(value => value.shape.at(axis)!)))
  return g.node({
    operator: 'Split',
    inputs: [joined, sizes],
    outputs: values.map(({ type, shape }) => ({ type, shape })),
    attributes: { axis: int(axis) },
  })
}
