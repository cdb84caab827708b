/**
 * RMSNorm without its weight (Zhang and Sennrich 2019, arXiv:1910.07467), kept for the backward pass by its result.
 *
 * The usual gradient reads the norm's input, and the layers above read its weighted result: two tensors of a layer's
 * width. From the result n = x·r the gradient needs no input, and n·w is one product to make again.
 */
import type { GraphBuilder } from '../../graph/build.ts'
import type { Value } from '../../graph/node.ts'
import { mul, sub } from '../../graph/operators/elementwise.ts'
import { rmsNorm } from '../../graph/operators/fused.ts'
import { reduceMean } from '../../graph/operators/reduce.ts'
import { known } from '../../graph/shapes.ts'
import { outputOf, type Row } from '../row.ts'

/** @returns x / rms(x) over the last axis */
export const unitRms = (g: GraphBuilder, x: Value, epsilon: number): Value => {
  const channels = known(x.shape.slice(-1))[0]!
  const ones = g.constant(x.type, Array<number>(channels).fill(1))
  return g.composite('UnitRms', [x], () => rmsNorm(g, x, ones, epsilon))[0]!
}

/** n = x·r with r = 1/rms(x): dx = r·(d - n·mean(d·n)) */
const unitRmsGradient: Row = (g, node, [d]) => {
  const [n, r] = [outputOf(node, 0), outputOf(node, 1)]
  return [() => mul(g, sub(g, d!, mul(g, n, reduceMean(g, mul(g, d!, n), [-1]))), r)]
}

export const UNIT_RMS: Readonly<Record<string, Row>> = { UnitRms: unitRmsGradient }
