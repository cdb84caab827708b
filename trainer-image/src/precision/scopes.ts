/** Which part of training a node belongs to, as its scope says: `layers.3/mlp/again/gradient`. */
import type { Node } from '../graph/node.ts'

const partsOf = ({ scope = '' }: Node): readonly string[] => scope.split('/')

export const isInLayer = (node: Node): boolean => partsOf(node)[0]!.startsWith('layers.')

/** Whether it computes a gradient, and not what one is made of. */
export const isGradient = (node: Node): boolean => partsOf(node).at(-1) === 'gradient'

/** Whether it is part of the backward pass: a gradient, or a value that is made once more for one. */
export const isLate = (node: Node): boolean =>
  partsOf(node).some(part => part === 'gradient' || part === 'again')
