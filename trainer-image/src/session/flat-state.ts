/** Between tensors by name and the one vector that the graphs work on. */
import type { AdapterTensors, Tensor } from '../model/adapter.ts'
import { type ParameterSlot, parameterCount } from '../model/trainable.ts'

/** @returns zeros that two threads see */
export const sharedVector = (length: number): Float32Array =>
  new Float32Array(new SharedArrayBuffer(length * Float32Array.BYTES_PER_ELEMENT))

export const flatten = (slots: readonly ParameterSlot[], tensors: AdapterTensors): Float32Array => {
  const flat = sharedVector(parameterCount(slots))
  for (const { name, shape, offset } of slots) {
    const tensor = tensors.get(name)
    if (!tensor) throw new TypeError(`the trained tensors lack ${name}`)
    if (`${tensor.shape}` !== `${shape}`)
      throw new TypeError(`${name} has shape [${tensor.shape}], not [${shape}]`)
    flat.set(tensor.data, offset)
  }
  return flat
}

/** @returns copies of an adapter's tensors; weights that are trained whole are looked at where they are */
export const unflatten = (slots: readonly ParameterSlot[], flat: Float32Array): AdapterTensors =>
  new Map(
    slots.map(({ name, shape, offset, size, weight }): [string, Tensor] => {
      const there = flat.subarray(offset, offset + size)
      return [name, { shape, data: weight === undefined ? there.slice() : there }]
    }),
  )
