/** Control over the order in which ONNX Runtime computes. */
import type { GraphBuilder } from '../build.ts'
import type { Value } from '../node.ts'
import { known } from '../shapes.ts'
import { concat, split } from './movement.ts'

/**
 * ONNX Runtime walks depth first from the outputs, so a large value that two outputs need is kept from the first to the
 * second, which may lie far apart.
 * @param values equal in all dimensions but `axis`
 * @returns the same values, which are all computed when the first is needed
 */
export const together = (
  g: GraphBuilder,
  values: readonly Value[],
  axis: number,
): readonly Value[] => {
  const sizes = known(values.map(value => value.shape.at(axis)!))
  return split(g, concat(g, values, axis), axis, sizes)
}
