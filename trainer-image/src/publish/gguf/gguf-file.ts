/** Writes a GGUF file (version 3, little-endian), tensor by tensor; the format is described in ggml's docs/gguf.md. */
import { type FileHandle, open } from 'node:fs/promises'
import { type EncodedType, encode, encodedBytes } from '../../weights/encode.ts'

export type GgufEntry =
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'uint32' | 'float32'; readonly value: number }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'strings'; readonly value: readonly string[] }
  | { readonly type: 'int32s'; readonly value: readonly number[] }
  | { readonly type: 'float32s'; readonly value: readonly number[] }
/** in the order in which they are written */
export type GgufMetadata = ReadonlyMap<string, GgufEntry>

export type GgufTensorToWrite = {
  readonly name: string
  /** outermost first */
  readonly shape: readonly number[]
  readonly type: EncodedType
  /** row-major float32, asked for when its turn comes */
  readonly read: () => Promise<Float32Array>
}

const MAGIC = 'GGUF'
const VERSION = 3
const ALIGNMENT = 32

/** gguf.md, enum gguf_metadata_value_type */
const VALUE = { uint32: 4, int32: 5, float32: 6, bool: 7, string: 8, array: 9 } as const
/** ggml.h, enum ggml_type */
const TENSOR: Readonly<Record<EncodedType, number>> = { F32: 0, F16: 1, Q8_0: 8, BF16: 30 }

const bytesOf = (length: number, write: (view: DataView) => void) => {
  const bytes = new Uint8Array(length)
  write(new DataView(bytes.buffer))
  return bytes
}
const uint32 = (value: number) => bytesOf(4, view => view.setUint32(0, value, true))
const uint64 = (value: number) => bytesOf(8, view => view.setBigUint64(0, BigInt(value), true))
const float32 = (value: number) => bytesOf(4, view => view.setFloat32(0, value, true))
const string = (value: string): readonly Uint8Array[] => {
  const text = Buffer.from(value)
  return [uint64(text.length), text]
}

const listOf = (type: number, length: number, items: Uint8Array | readonly Uint8Array[]) => [
  uint32(VALUE.array),
  uint32(type),
  uint64(length),
  ...(items instanceof Uint8Array ? [items] : items),
]

const valueBytes = (entry: GgufEntry): readonly Uint8Array[] => {
  switch (entry.type) {
    case 'string':
      return [uint32(VALUE.string), ...string(entry.value)]
    case 'uint32':
      return [uint32(VALUE.uint32), uint32(entry.value)]
    case 'float32':
      return [uint32(VALUE.float32), float32(entry.value)]
    case 'bool':
      return [uint32(VALUE.bool), Uint8Array.of(entry.value ? 1 : 0)]
    case 'strings':
      return listOf(VALUE.string, entry.value.length, entry.value.flatMap(string))
    case 'int32s':
      return listOf(
        VALUE.int32,
        entry.value.length,
        new Uint8Array(Int32Array.from(entry.value).buffer),
      )
    case 'float32s':
      return listOf(
        VALUE.float32,
        entry.value.length,
        new Uint8Array(Float32Array.from(entry.value).buffer),
      )
  }
}

const sizeOf = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1)
const aligned = (position: number) => Math.ceil(position / ALIGNMENT) * ALIGNMENT
const padding = (position: number) => new Uint8Array(aligned(position) - position)

/** Name, dimensions innermost first, type and place of each tensor. */
const tensorInfos = (tensors: readonly GgufTensorToWrite[]): readonly Uint8Array[] => {
  let offset = 0
  return tensors.flatMap(({ name, shape, type }) => {
    const info = [
      ...string(name),
      uint32(shape.length),
      ...shape.toReversed().map(uint64),
      uint32(TENSOR[type]),
      uint64(offset),
    ]
    offset = aligned(offset + encodedBytes(type, sizeOf(shape)))
    return info
  })
}

const headerBytes = (metadata: GgufMetadata, tensors: readonly GgufTensorToWrite[]): Buffer => {
  const entries = [...metadata].flatMap(([key, entry]) => [...string(key), ...valueBytes(entry)])
  const header = Buffer.concat([
    Buffer.from(MAGIC),
    uint32(VERSION),
    uint64(tensors.length),
    uint64(metadata.size),
    ...entries,
    ...tensorInfos(tensors),
  ])
  return Buffer.concat([header, padding(header.length)])
}

/** encoded at a time, whole blocks of every type: a tensor is never held in memory twice */
const PIECE_VALUES = 4 * 1024 * 1024

const writeAll = async (file: FileHandle, bytes: Uint8Array) => {
  for (let done = 0; done < bytes.length; ) done += (await file.write(bytes, done)).bytesWritten
}

export const writeGguf = async (
  path: string,
  metadata: GgufMetadata,
  tensors: readonly GgufTensorToWrite[],
): Promise<void> => {
  const file = await open(path, 'wx')
  try {
    await writeAll(file, headerBytes(metadata, tensors))
    for (const { name, shape, type, read } of tensors) {
      const data = await read()
      if (data.length !== sizeOf(shape))
        throw new TypeError(`tensor ${name} has ${data.length} values, its shape is [${shape}]`)
      for (let at = 0; at < data.length; at += PIECE_VALUES)
        await writeAll(file, encode(type, data.subarray(at, at + PIECE_VALUES)))
      await writeAll(file, padding(encodedBytes(type, data.length)))
    }
  } finally {
    await file.close()
  }
}
