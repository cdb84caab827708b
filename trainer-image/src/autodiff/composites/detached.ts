/** Values that the backward pass takes for constants. */
import type { GraphBuilder } from '../../graph/build.ts'
import type { Node, Value } from '../../graph/node.ts'

const OPERATOR = 'Detached'

/** @returns what `build` makes; no gradient goes through it */
export const detached = (g: GraphBuilder, build: () => Value): Value =>
  g.composite(OPERATOR, [], () => [build()])[0]!

export const isDetached = ({ operator }: Node): boolean => operator === OPERATOR
