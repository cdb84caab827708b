/** Low-rank adapters (Hu et al. 2021, arXiv:2106.09685): y = xWᵀ + (alpha/r)·(xAᵀ)Bᵀ. */
import type { GraphBuilder } from '../graph/build.ts'
import type { Value } from '../graph/node.ts'
import { add } from '../graph/operators/elementwise.ts'
import { fusedMatMul } from '../graph/operators/matrix.ts'
import { reshape, split } from '../graph/operators/movement.ts'
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

/** x: (M, in) @returns (M, out) */
export type Linear = (g: GraphBuilder, x: Value, path: string) => Value

/** @returns linear layers of the frozen `weight`s alone */
export const frozenLinear =
  (weight: (name: string) => Value): Linear =>
  (g, x, path) =>
    fusedMatMul(g, x, weight(`${path}.weight`), { transB: true })

/** @param parameters all slots one behind the other, (P) @returns linear layers with the adapter added */
export const loraLinear = (
  g: GraphBuilder,
  base: Linear,
  parameters: Value,
  slots: readonly ParameterSlot[],
  { alpha, rank }: AdapterConfig,
): Linear => {
  const pieces = split(
    g,
    parameters,
    0,
    slots.map(slot => slot.size),
  )
  const tensors = new Map(slots.map((slot, i) => [slot.name, reshape(g, pieces[i]!, slot.shape)]))
  return (builder, x, path) => {
    const y = base(builder, x, path)
    const a = tensors.get(`base_model.model.${path}.lora_A.weight`)
    const b = tensors.get(`base_model.model.${path}.lora_B.weight`)
    if (!a || !b) return y
    const low = fusedMatMul(builder, x, a, { transB: true })
    // Gemm would add y itself, but it copies y first and takes twice as long.
    return add(builder, y, fusedMatMul(builder, low, b, { transB: true, alpha: alpha / rank }))
  }
}
