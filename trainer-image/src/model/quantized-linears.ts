/** Linear layers whose frozen weights are kept in few bits. */
import { blockSums, quantizedLinear } from '../autodiff/composites/quantized-linear.ts'
import type { QuantizedWeight } from '../graph/operators/quantized.ts'
import type { Linears } from './lora.ts'

/** @returns linear layers of the quantized weights, and of `others` where a weight is not quantized */
export const quantizedLinears =
  (weight: (name: string) => QuantizedWeight | undefined, others: Linears): Linears =>
  (g, x, paths) => {
    const weights = paths.map(path => weight(`${path}.weight`))
    const shifted = weights.find(one => one?.shifts)
    const sums = shifted && blockSums(g, x, shifted.blockSize)
    return weights.map((one, i) =>
      one ? quantizedLinear(g, x, one, sums) : others(g, x, [paths[i]!])[0]!,
    )
  }
