/** Low-rank adapters (Hu et al. 2021, arXiv:2106.09685): y = xWᵀ + (alpha/r)·(xAᵀ)Bᵀ. */
import type { GraphBuilder } from '../graph/build.ts'
import type { Value } from '../graph/node.ts'
import { add } from '../graph/operators/elementwise.ts'
import { fusedMatMul } from '../graph/operators/matrix.ts'
import { concat, reshape, split } from '../graph/operators/movement.ts'
import { known } from '../graph/shapes.ts'
import type { AdapterConfig } from './adapter.ts'
import type { ModelConfig } from './config.ts'
import { linearLayers } from './linear-layers.ts'

/** A tensor's place in the vector of all trainable parameters. */
export type ParameterSlot = {
  readonly name: string
  readonly shape: readonly [number, number]
  readonly offset: number
  readonly size: number
}

/**
 * PEFT's names, last layer first: the order in which the backward pass comes by. ONNX Runtime computes gradients in the
 * order of their places, and what a gradient is made of is kept until then.
 */
export const parameterSlots = (
  config: ModelConfig,
  { rank, targetModules }: AdapterConfig,
): readonly ParameterSlot[] => {
  const targets = new Set(targetModules)
  let offset = 0
  return linearLayers(config)
    .toReversed()
    .filter(({ module }) => targets.has(module))
    .flatMap(({ path, inFeatures, outFeatures }) => [
      { name: `base_model.model.${path}.lora_A.weight`, shape: [rank, inFeatures] as const },
      { name: `base_model.model.${path}.lora_B.weight`, shape: [outFeatures, rank] as const },
    ])
    .map(({ name, shape }) => {
      const slot = { name, shape, offset, size: shape[0] * shape[1] }
      offset += slot.size
      return slot
    })
}

export const parameterCount = (slots: readonly ParameterSlot[]): number =>
  slots.reduce((sum, slot) => sum + slot.size, 0)

/** Linear layers that share their input x: (M, in) @returns of each path (M, out) */
export type Linears = (g: GraphBuilder, x: Value, paths: readonly string[]) => readonly Value[]

/** @returns linear layers of the frozen `weight`s alone */
export const frozenLinears =
  (weight: (name: string) => Value): Linears =>
  (g, x, paths) =>
    paths.map(path => fusedMatMul(g, x, weight(`${path}.weight`), { transB: true }))

type Adapter = { readonly a: Value; readonly b: Value; readonly scale: number }

/** The A of all in one product: it reads x once, and so do its gradients. @returns of each (M, out) */
const lowRank = (g: GraphBuilder, x: Value, adapters: readonly Adapter[]): readonly Value[] => {
  const all = adapters.map(({ a }) => a)
  const low = fusedMatMul(g, x, all.length > 1 ? concat(g, all, 0) : all[0]!, { transB: true })
  const ranks = all.map(({ shape }) => known([shape[0]!])[0]!)
  const parts = all.length > 1 ? split(g, low, 1, ranks) : [low]
  return adapters.map(({ b, scale }, i) =>
    fusedMatMul(g, parts[i]!, b, { transB: true, alpha: scale }),
  )
}

/** @param parameters all slots one behind the other, (P) @returns linear layers with the adapter added */
export const loraLinears = (
  g: GraphBuilder,
  base: Linears,
  parameters: Value,
  slots: readonly ParameterSlot[],
  { alpha, rank }: AdapterConfig,
): Linears => {
  const pieces = split(
    g,
    parameters,
    0,
    slots.map(slot => slot.size),
  )
  const tensors = new Map(slots.map((slot, i) => [slot.name, reshape(g, pieces[i]!, slot.shape)]))
  const adapterOf = (path: string): Adapter | undefined => {
    const a = tensors.get(`base_model.model.${path}.lora_A.weight`)
    const b = tensors.get(`base_model.model.${path}.lora_B.weight`)
    return a && b && { a, b, scale: alpha / rank }
  }
  return (builder, x, paths) => {
    const ys = base(builder, x, paths)
    const adapters = paths.map(adapterOf)
    const tuned = adapters.filter(adapter => adapter !== undefined)
    if (tuned.length === 0) return ys
    const deltas = lowRank(builder, x, tuned)[Symbol.iterator]()
    // Gemm would add y itself, but it copies y first and takes twice as long.
    return ys.map((y, i) => (adapters[i] ? add(builder, y, deltas.next().value!) : y))
  }
}
