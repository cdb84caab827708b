/** Reads a small safetensors file of float32 tensors whole: adapters and optimizer state. */
import type { Tensor } from '../model/adapter.ts'
import { modelMalformed } from '../stage-error.ts'
import { openBoundedFile } from './bounded-file.ts'
import { readSafetensorsHeader } from './safetensors-header.ts'

/** @returns tensors by name; other dtypes than F32 are refused */
export const readSafetensors = async (path: string): Promise<ReadonlyMap<string, Tensor>> => {
  const file = await openBoundedFile(path)
  try {
    const { entries } = await readSafetensorsHeader(file)
    const tensors = new Map<string, Tensor>()
    for (const { name, dtype, shape, offset, byteLength } of entries.values()) {
      if (dtype !== 'F32')
        throw modelMalformed(`tensor "${name}" in ${file.name} is ${dtype}; F32 is expected here`)
      const data = new Float32Array(byteLength / Float32Array.BYTES_PER_ELEMENT)
      await file.readInto(new Uint8Array(data.buffer), offset)
      tensors.set(name, { shape, data })
    }
    return tensors
  } finally {
    await file.close()
  }
}
