/** Soft caps of scores and logits, cap · tanh(x / cap) (Gemma 2, arXiv:2408.00118). */
import type { GraphBuilder } from '../../graph/build.ts'
import type { Value } from '../../graph/node.ts'
import { mul, sub } from '../../graph/operators/elementwise.ts'

/** d(cap · tanh(x / cap))/dx = 1 - tanh² @param t tanh(x / cap) */
export const slopeOfCap = (g: GraphBuilder, t: Value): Value =>
  sub(g, g.scalar('float32', 1), mul(g, t, t))
