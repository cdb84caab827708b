/** What a gradient row sees and gives. */
import type { GraphBuilder } from '../graph/build.ts'
import type { Node, Value } from '../graph/node.ts'

/**
 * The vector-Jacobian product of one operator: from the gradients of its outputs (undefined where nothing reaches the
 * loss) to the gradients of its inputs. Each is made only if asked for, so frozen inputs cost nothing.
 * A gradient may have its input's broadcast shape; the walk sums it back.
 */
export type Row = (
  g: GraphBuilder,
  node: Node,
  gradients: readonly (Value | undefined)[],
) => readonly ((() => Value) | undefined)[]

/** @returns input `i`, which the operator's definition makes mandatory */
export const inputOf = (node: Node, i: number): Value => {
  const value = node.inputs[i]
  if (!value) throw new TypeError(`${node.operator} lacks its input ${i}`)
  return value
}

export const outputOf = (node: Node, i: number): Value => {
  const value = node.outputs[i]
  if (!value) throw new TypeError(`${node.operator} lacks its output ${i}`)
  return value
}

export const numberOf = <Missing extends number | undefined>(
  node: Node,
  name: string,
  missing: Missing,
): number | Missing => {
  const attribute = node.attributes[name]
  if (!attribute) return missing
  if (attribute.kind !== 'int' && attribute.kind !== 'float')
    throw new TypeError(`${node.operator}.${name} is ${attribute.kind}, not a number`)
  return attribute.value
}

export const numbersOf = (node: Node, name: string): readonly number[] => {
  const attribute = node.attributes[name]
  if (attribute?.kind !== 'ints') throw new TypeError(`${node.operator}.${name} is not a list`)
  return attribute.value
}
