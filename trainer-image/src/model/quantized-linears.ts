/** Linear layers whose frozen weights are kept in few bits. */
import { quantizedLinear } from '../autodiff/composites/quantized-linear.ts'
import type { QuantizedWeight } from '../graph/operators/quantized.ts'
import type { Linears } from './lora.ts'

/** @returns linear layers of the quantized weights, and of `others` where a weight is not quantized */
export const quantizedLinears =
  (weight: (name: string) => QuantizedWeight | undefined, others: Linears): Linears =>
  (g, x, paths) =>
    paths.map(path => {
      const quantized = weight(`${path}.weight`)
      return quantized ? quantizedLinear(g, x, quantized) : others(g, x, [path])[0]!
    })
