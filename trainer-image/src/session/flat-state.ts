/** Between tensors by name and the one vector in which they lie, which an update goes through. */
import type { AdapterTensors, Tensor } from '../model/adapter.ts'
import { type ParameterSlot, parameterCount } from '../model/trainable.ts'
import type { FlatState } from './engine-messages.ts'

export const STATE_PARTS = ['parameters', 'firstMoments', 'secondMoments'] as const
export type StatePart = (typeof STATE_PARTS)[number]

/** @returns zeros that two threads see */
export const sharedVector = (length: number): Float32Array =>
  new Float32Array(new SharedArrayBuffer(length * Float32Array.BYTES_PER_ELEMENT))

export const emptyState = (slots: readonly ParameterSlot[]): FlatState => {
  const zeros = () => sharedVector(parameterCount(slots))
  return { parameters: zeros(), firstMoments: zeros(), secondMoments: zeros() }
}

/** Where a state is read to that an engine takes over, so that it is never in memory twice. */
export type StateRoom = {
  readonly state: () => FlatState
  /** @returns the place of a tensor's values, undefined where the room has none for so many */
  readonly place: (part: StatePart, name: string, values: number) => Float32Array | undefined
}

/** Takes memory once somebody asks for a place. */
export const stateRoom = (slots: readonly ParameterSlot[]): StateRoom => {
  const byName = new Map(slots.map(slot => [slot.name, slot]))
  let made: FlatState | undefined
  const state = () => {
    made ??= emptyState(slots)
    return made
  }
  return {
    state,
    place: (part, name, values) => {
      const slot = byName.get(name)
      return slot?.size === values
        ? state()[part].subarray(slot.offset, slot.offset + slot.size)
        : undefined
    },
  }
}

const liesAt = ({ buffer, byteOffset }: Float32Array, place: Float32Array): boolean =>
  buffer === place.buffer && byteOffset === place.byteOffset

/** @param flat gets the tensors' values, which may lie there already */
export const flatten = (
  slots: readonly ParameterSlot[],
  tensors: AdapterTensors,
  flat: Float32Array = sharedVector(parameterCount(slots)),
): Float32Array => {
  for (const { name, shape, offset, size } of slots) {
    const tensor = tensors.get(name)
    if (!tensor) throw new TypeError(`the trained tensors lack ${name}`)
    if (`${tensor.shape}` !== `${shape}`)
      throw new TypeError(`${name} has shape [${tensor.shape}], not [${shape}]`)
    const place = flat.subarray(offset, offset + size)
    if (!liesAt(tensor.data, place)) place.set(tensor.data)
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
