/** Writes a safetensors file, tensor by tensor, so that no more than one of them is in memory. */
import { open, rename, rm } from 'node:fs/promises'
import { temporaryFor } from '../atomic-file.ts'
import { type EncodedType, encode, encodedBytes } from './encode.ts'

export type SafetensorsType = Exclude<EncodedType, 'Q8_0'>

export type TensorToWrite = {
  readonly name: string
  readonly shape: readonly number[]
  /** what it is stored as; F32 if absent */
  readonly dtype?: SafetensorsType
  /** row-major float32, asked for when its turn comes */
  readonly read: () => Float32Array | Promise<Float32Array>
}

/**
 * Writes tensors in the order of their names, which makes equal tensors equal bytes.
 * The file appears under its name only once it is whole and on disk.
 */
export const writeSafetensors = async (
  path: string,
  tensors: readonly TensorToWrite[],
  // transformers refuses a file whose metadata does not name the framework's format
  metadata: Readonly<Record<string, string>> = { format: 'pt' },
): Promise<void> => {
  const sorted = tensors.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
  const temporary = temporaryFor(path)
  const file = await open(temporary, 'w')
  try {
    await file.write(encodeHeader(sorted, metadata))
    for (const { name, shape, dtype = 'F32', read } of sorted) {
      const data = await read()
      if (data.length !== sizeOf(shape))
        throw new TypeError(`tensor ${name} has ${data.length} values, its shape is [${shape}]`)
      for (let at = 0; at < data.length; at += PIECE_VALUES)
        await writeAll(file, encode(dtype, data.subarray(at, at + PIECE_VALUES)))
    }
    await file.sync()
  } catch (error) {
    await file.close()
    await rm(temporary, { force: true })
    throw error
  }
  await file.close()
  await rename(temporary, path)
}

const sizeOf = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1)

const encodeHeader = (
  tensors: readonly TensorToWrite[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array => {
  let offset = 0
  const entries = tensors.map(({ name, shape, dtype = 'F32' }) => {
    const begin = offset
    offset += encodedBytes(dtype, sizeOf(shape))
    return [name, { dtype, shape, data_offsets: [begin, offset] }] as const
  })
  const json = JSON.stringify({ __metadata__: metadata, ...Object.fromEntries(entries) })
  const text = new TextEncoder().encode(json)
  // padded with spaces so that the data start 8-byte aligned, as the reference writer does
  const length = Math.ceil(text.length / 8) * 8
  const header = new Uint8Array(8 + length).fill(0x20)
  new DataView(header.buffer).setBigUint64(0, BigInt(length), true)
  header.set(text, 8)
  return header
}

/** encoded at a time: a tensor is never held in memory twice */
const PIECE_VALUES = 4 * 1024 * 1024

const writeAll = async (file: Awaited<ReturnType<typeof open>>, bytes: Uint8Array) => {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, at)
    at += bytesWritten
  }
}
