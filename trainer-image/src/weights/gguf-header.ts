/**
 * The header of a GGUF file (versions 2 and 3, little-endian), after the format's description in
 * ggml's docs/gguf.md. Untrusted: counts, lengths, offsets and sizes are checked before they are used.
 * `@huggingface/gguf` is not used here: it reads past the end of a short file as zeros, keeps no file
 * size per tensor, and stops at 50 MB of header.
 */
import { modelMalformed, modelUnsupported } from '../stage-error.ts'
import { BLOCKS, isElementType } from './dequantize.ts'
import { type GgufCursor, openGgufCursor } from './gguf-cursor.ts'

export type GgufValue = number | bigint | boolean | string | readonly GgufValue[]
export type GgufTensor = {
  readonly name: string
  /** ggml's name of the type; only some can be decoded (dequantize.ts) */
  readonly type: string
  /** outermost first (the file has it innermost first) */
  readonly shape: readonly number[]
  /** absolute offset in the file */
  readonly offset: number
  readonly byteLength: number
}
export type GgufHeader = {
  readonly fileName: string
  readonly fileSize: number
  readonly metadata: ReadonlyMap<string, GgufValue>
  readonly tensors: ReadonlyMap<string, GgufTensor>
}

const MAGIC = 0x46554747
const MAX_KEYS = 10_000
const MAX_TENSORS = 100_000
const MAX_ARRAY = 4_000_000
const MAX_DIMENSIONS = 4
const MAX_DIMENSION = 2 ** 31

/** ggml's tensor types by number (ggml.h, enum ggml_type). */
const TYPE_NAMES: Readonly<Record<number, string>> = {
  0: 'F32',
  1: 'F16',
  2: 'Q4_0',
  3: 'Q4_1',
  6: 'Q5_0',
  7: 'Q5_1',
  8: 'Q8_0',
  9: 'Q8_1',
  10: 'Q2_K',
  11: 'Q3_K',
  12: 'Q4_K',
  13: 'Q5_K',
  14: 'Q6_K',
  15: 'Q8_K',
  16: 'IQ2_XXS',
  17: 'IQ2_XS',
  18: 'IQ3_XXS',
  19: 'IQ1_S',
  20: 'IQ4_NL',
  21: 'IQ3_S',
  22: 'IQ2_S',
  23: 'IQ4_XS',
  24: 'I8',
  25: 'I16',
  26: 'I32',
  27: 'I64',
  28: 'F64',
  29: 'IQ1_M',
  30: 'BF16',
  34: 'TQ1_0',
  35: 'TQ2_0',
  39: 'MXFP4',
}

export const readGgufHeader = (path: string): GgufHeader => {
  const cursor = openGgufCursor(path)
  try {
    return readHeader(cursor)
  } finally {
    cursor.close()
  }
}

const malformed = (cursor: GgufCursor, what: string) =>
  modelMalformed(`GGUF file ${cursor.fileName}: ${what}; fetch it again`)

const readHeader = (cursor: GgufCursor): GgufHeader => {
  if (cursor.u32() !== MAGIC) throw malformed(cursor, 'it does not begin with "GGUF"')
  const version = cursor.u32()
  if (version !== 2 && version !== 3)
    throw modelUnsupported(
      `GGUF file ${cursor.fileName} has version ${version}; little-endian versions 2 and 3 are supported`,
    )
  const tensorCount = bounded(cursor, cursor.u64(), MAX_TENSORS, 'tensors')
  const keyCount = bounded(cursor, cursor.u64(), MAX_KEYS, 'metadata keys')
  const metadata = new Map<string, GgufValue>()
  for (let i = 0; i < keyCount; i++) {
    const key = cursor.string()
    if (metadata.has(key)) throw malformed(cursor, `metadata key "${key}" is there twice`)
    metadata.set(key, readValue(cursor, cursor.u32(), key))
  }
  const found = Array.from({ length: tensorCount }, () => readTensor(cursor))
  const alignment = alignmentOf(cursor, metadata)
  const dataStart = Math.ceil(cursor.position() / alignment) * alignment
  const tensors = placeTensors(cursor, found, dataStart, alignment)
  return { fileName: cursor.fileName, fileSize: cursor.fileSize, metadata, tensors }
}

const bounded = (cursor: GgufCursor, count: number, most: number, what: string): number => {
  if (count > most) throw malformed(cursor, `${count} ${what}, at most ${most} are read`)
  return count
}

/** Readers of the scalar types by number (gguf.md, enum gguf_metadata_value_type). */
const SCALARS: Readonly<Record<number, (cursor: GgufCursor) => GgufValue>> = {
  0: cursor => cursor.u8(),
  1: cursor => cursor.view(1).getInt8(0),
  2: cursor => cursor.view(2).getUint16(0, true),
  3: cursor => cursor.view(2).getInt16(0, true),
  4: cursor => cursor.u32(),
  5: cursor => cursor.view(4).getInt32(0, true),
  6: cursor => cursor.view(4).getFloat32(0, true),
  7: cursor => cursor.u8() !== 0,
  8: cursor => cursor.string(),
  10: cursor => cursor.view(8).getBigUint64(0, true),
  11: cursor => cursor.view(8).getBigInt64(0, true),
  12: cursor => cursor.view(8).getFloat64(0, true),
}
const ARRAY = 9

const readValue = (cursor: GgufCursor, type: number, key: string): GgufValue => {
  if (type !== ARRAY) return scalar(cursor, type, key)(cursor)
  const read = scalar(cursor, cursor.u32(), key)
  const length = cursor.u64()
  // an element takes at least a byte, so a length beyond the file needs no memory to be refused
  bounded(cursor, length, Math.min(MAX_ARRAY, cursor.fileSize), `elements in "${key}"`)
  const values: GgufValue[] = []
  for (let i = 0; i < length; i++) values.push(read(cursor))
  return values
}

const scalar = (cursor: GgufCursor, type: number, key: string) => {
  const read = SCALARS[type]
  if (!read) throw malformed(cursor, `metadata key "${key}" has the unknown value type ${type}`)
  return read
}

type Found = Omit<GgufTensor, 'offset'> & { readonly relativeOffset: number }

const readTensor = (cursor: GgufCursor): Found => {
  const name = cursor.string()
  const count = cursor.u32()
  if (count < 1 || count > MAX_DIMENSIONS)
    throw malformed(
      cursor,
      `tensor "${name}" has ${count} dimensions, 1 to ${MAX_DIMENSIONS} are allowed`,
    )
  const innermostFirst = Array.from({ length: count }, () => cursor.u64())
  if (innermostFirst.some(size => size < 1 || size > MAX_DIMENSION))
    throw malformed(cursor, `tensor "${name}" has the impossible shape [${innermostFirst}]`)
  const typeNumber = cursor.u32()
  const type = TYPE_NAMES[typeNumber] ?? `type ${typeNumber}`
  const byteLength = bytesOf(cursor, name, type, innermostFirst)
  return {
    name,
    type,
    shape: innermostFirst.toReversed(),
    byteLength,
    relativeOffset: cursor.u64(),
  }
}

/** 0 for types that are not decoded: their size is unknown here, and reading them is refused. */
const bytesOf = (
  cursor: GgufCursor,
  name: string,
  type: string,
  innermostFirst: readonly number[],
): number => {
  if (!isElementType(type)) return 0
  const block = BLOCKS[type]
  if (innermostFirst[0]! % block.values !== 0)
    throw malformed(
      cursor,
      `tensor "${name}" of type ${type} has rows of ${innermostFirst[0]} values, not a multiple of ${block.values}`,
    )
  const bytes = innermostFirst.reduce((product, size) => product * size, block.bytes / block.values)
  if (!Number.isSafeInteger(bytes))
    throw malformed(cursor, `tensor "${name}" has the impossible shape [${innermostFirst}]`)
  return bytes
}

const alignmentOf = (cursor: GgufCursor, metadata: ReadonlyMap<string, GgufValue>): number => {
  const value = metadata.get('general.alignment') ?? 32
  if (typeof value !== 'number' || value < 8 || value > 65_536 || value % 8 !== 0)
    throw malformed(cursor, `general.alignment is ${value}, a multiple of 8 up to 65536 is allowed`)
  return value
}

const placeTensors = (
  cursor: GgufCursor,
  found: readonly Found[],
  dataStart: number,
  alignment: number,
): ReadonlyMap<string, GgufTensor> => {
  const tensors = new Map<string, GgufTensor>()
  let end = 0
  let previous = ''
  for (const { relativeOffset, ...tensor } of found.toSorted(
    (a, b) => a.relativeOffset - b.relativeOffset,
  )) {
    if (relativeOffset % alignment !== 0 || relativeOffset < end)
      throw malformed(
        cursor,
        `tensor "${tensor.name}" lies at ${relativeOffset}, within "${previous}" or not aligned to ${alignment}`,
      )
    if (tensors.has(tensor.name)) throw malformed(cursor, `tensor "${tensor.name}" is there twice`)
    tensors.set(tensor.name, { ...tensor, offset: dataStart + relativeOffset })
    end = relativeOffset + tensor.byteLength
    previous = tensor.name
  }
  const expected = dataStart + end
  if (expected > cursor.fileSize)
    throw modelMalformed(
      `GGUF file ${cursor.fileName} is cut short: ${expected} bytes expected by its header, the file has ${cursor.fileSize}; fetch it again`,
    )
  return tensors
}
