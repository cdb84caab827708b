/**
 * Sums over the vocabulary's blocks while its largest logit is not known yet, as in online softmax (Milakov & Gimelshein
 * 2018, arXiv:1805.02867): M, the largest so far, grows block by block, and what was summed before shrinks with it.
 * N targets.
 */
import type { GraphBuilder } from '../../graph/build.ts'
import type { Value } from '../../graph/node.ts'
import { add, div, exp, max, mul, sub } from '../../graph/operators/elementwise.ts'
import type { Part } from './cross-entropy-block.ts'

/** Over the blocks up to one: M, what its own mass is, and by what all before it shrank when M grew. Each (N, 1). */
export type Running = { readonly largest: Value; readonly mass: Value; readonly shrunk?: Value }

export const runningOf = (g: GraphBuilder, parts: readonly Part[]): readonly Running[] => {
  let before: Value | undefined
  return parts.map(part => {
    const largest = before ? max(g, before, part.largest) : part.largest
    const mass = div(g, exp(g, sub(g, part.largest, largest)), part.likeliest)
    const shrunk = before && { shrunk: exp(g, sub(g, before, largest)) }
    before = largest
    return { largest, mass, ...shrunk }
  })
}

/** Σ of values that are each in units of exp(M) of their block, in units of the last one's. */
export const runningSum = (
  g: GraphBuilder,
  running: readonly Running[],
  ofBlock: (index: number) => Value,
): Value => {
  let sum: Value | undefined
  for (const [index, { shrunk }] of running.entries()) {
    const value = ofBlock(index)
    // made last, so that ONNX Runtime asks for it first: the sum before a block is done before the block is begun
    const before: Value | undefined = sum && shrunk && mul(g, sum, shrunk)
    sum = before ? add(g, value, before) : value
  }
  return sum!
}
