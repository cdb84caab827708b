/** Reads a small safetensors file of float32 tensors whole: adapters and optimizer state. */
import type { Tensor } from '../model/adapter.ts'
import { modelMalformed } from '../stage-error.ts'
import { openBoundedFile } from './bounded-file.ts'
import { readSafetensorsHeader } from './safetensors-header.ts'

/** @returns where the tensor's values go, undefined for memory of its own */
export type PlaceOf = (name: string, values: number) => Float32Array | undefined

/** A read of the system is limited to 2 GiB. */
const PIECE_BYTES = 64 * 1024 * 1024

/** @returns tensors by name; other dtypes than F32 are refused */
export const readSafetensors = async (
  path: string,
  placeOf: PlaceOf = () => undefined,
): Promise<ReadonlyMap<string, Tensor>> => {
  const file = await openBoundedFile(path)
  try {
    const { entries } = await readSafetensorsHeader(file)
    const tensors = new Map<string, Tensor>()
    for (const { name, dtype, shape, offset, byteLength } of entries.values()) {
      if (dtype !== 'F32')
        throw modelMalformed(`tensor "${name}" in ${file.name} is ${dtype}; F32 is expected here`)
      const values = byteLength / Float32Array.BYTES_PER_ELEMENT
      const data = placeOf(name, values) ?? new Float32Array(values)
      const bytes = new Uint8Array(data.buffer, data.byteOffset, byteLength)
      for (let at = 0; at < byteLength; at += PIECE_BYTES)
        await file.readInto(bytes.subarray(at, at + PIECE_BYTES), offset + at)
      tensors.set(name, { shape, data })
    }
    return tensors
  } finally {
    await file.close()
  }
}
