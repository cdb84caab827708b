/** The weights file's tensors as values of a graph. */
import type { GraphBuilder } from '../graph/build.ts'
import type { Value } from '../graph/node.ts'
import { dequantized, type QuantizedWeight } from '../graph/operators/quantized.ts'
import type { StoredWeight } from './weights-file.ts'

const valuesOf = (g: GraphBuilder, { name, shape, external, blocks }: StoredWeight) => {
  if (!blocks) return g.external(name, 'float32', shape, external)
  const { bits, blockSize } = blocks
  const [n, k] = shape as [number, number]
  const perRow = k / blockSize
  const type = bits === 4 ? 'uint4' : 'uint8'
  const bytes = (count: number) => Math.ceil((count * bits) / 8)
  return {
    bits,
    blockSize,
    codes: g.external(name, type, [n, k], external),
    packedCodes: g.external(`${name}.packed`, 'uint8', [n, perRow, bytes(blockSize)], external),
    scales: g.external(`${name}.scales`, 'float32', [n, perRow], blocks.scales),
    zeros: g.external(`${name}.zeros`, bits === 4 ? 'float32' : type, [n, perRow], blocks.zeros),
    ...(blocks.shifts
      ? { shifts: g.external(`${name}.shifts`, 'float32', [n, perRow, 1], blocks.shifts) }
      : {}),
  }
}

export type FrozenWeights = {
  /** in float32, made from its blocks each time that it is asked for; throws where it is not stored */
  readonly weight: (name: string) => Value
  readonly quantized: (name: string) => QuantizedWeight | undefined
}

export const frozenWeights = (g: GraphBuilder, stored: readonly StoredWeight[]): FrozenWeights => {
  const values = new Map(stored.map(weight => [weight.name, valuesOf(g, weight)]))
  return {
    weight: name => {
      const value = values.get(name)
      if (!value) throw new TypeError(`weight ${name} is not stored`)
      return 'codes' in value ? dequantized(g, value) : value
    },
    quantized: name => {
      const value = values.get(name)
      return value && 'codes' in value ? value : undefined
    },
  }
}
