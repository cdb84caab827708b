/** The header of a safetensors file, which is untrusted: every length, offset and shape is checked before it is used. */
import { modelMalformed } from '../stage-error.ts'
import type { BoundedFile } from './bounded-file.ts'

/** The format's own bound (safetensors, README: "maximum header size of 100 MB"). */
const MAX_HEADER_BYTES = 100_000_000
const MAX_TENSORS = 200_000
const MAX_DIMENSIONS = 8

/** bytes of an element of every dtype of the format that is a whole number of bytes */
const DTYPE_BYTES: Readonly<Record<string, number>> = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
  U16: 2,
  I16: 2,
  F16: 2,
  BF16: 2,
  U32: 4,
  I32: 4,
  F32: 4,
  U64: 8,
  I64: 8,
  F64: 8,
}

export type SafetensorsEntry = {
  readonly name: string
  readonly dtype: string
  readonly shape: readonly number[]
  /** absolute offset in the file */
  readonly offset: number
  readonly byteLength: number
}
export type SafetensorsHeader = {
  readonly metadata: Readonly<Record<string, string>>
  readonly entries: ReadonlyMap<string, SafetensorsEntry>
}

export const readSafetensorsHeader = async (file: BoundedFile): Promise<SafetensorsHeader> => {
  const length = await headerLength(file)
  const bytes = new Uint8Array(length)
  await file.readInto(bytes, 8)
  const header = parseHeader(file, bytes)
  const dataStart = 8 + length
  const entries = new Map<string, SafetensorsEntry>()
  for (const [name, value] of Object.entries(header))
    if (name !== '__metadata__') entries.set(name, entry(file, name, value, dataStart))
  if (entries.size > MAX_TENSORS)
    throw lies(file, `names ${entries.size} tensors, at most ${MAX_TENSORS} are read`)
  checkLayout(file, [...entries.values()], dataStart)
  return { metadata: stringsOf(header['__metadata__']), entries }
}

const lies = (file: BoundedFile, what: string) =>
  modelMalformed(`safetensors file ${file.name}: the header ${what}; fetch or export it again`)

const headerLength = async (file: BoundedFile): Promise<number> => {
  if (file.size < 10)
    throw modelMalformed(
      `safetensors file ${file.name} is cut short: ${file.size} bytes; fetch it again`,
    )
  const bytes = new Uint8Array(8)
  await file.readInto(bytes, 0)
  const length = new DataView(bytes.buffer).getBigUint64(0, true)
  if (length < 2n || length > BigInt(MAX_HEADER_BYTES))
    throw lies(file, `says it has ${length} bytes, 2 to ${MAX_HEADER_BYTES} are allowed`)
  if (Number(length) + 8 > file.size)
    throw modelMalformed(
      `safetensors file ${file.name} is cut short: ${Number(length) + 8} bytes of header expected, the file has ${file.size}; fetch it again`,
    )
  return Number(length)
}

const parseHeader = (file: BoundedFile, bytes: Uint8Array): Record<string, unknown> => {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw modelMalformed(`safetensors file ${file.name}: the header is not JSON; fetch it again`, {
      cause,
    })
  }
  if (!isRecord(value)) throw lies(file, 'is not a JSON object')
  return value
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isSize = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0

const entry = (
  file: BoundedFile,
  name: string,
  value: unknown,
  dataStart: number,
): SafetensorsEntry => {
  if (!isRecord(value)) throw lies(file, `gives tensor "${name}" no description`)
  const { dtype, shape, data_offsets: offsets } = value
  const bytesPerElement = typeof dtype === 'string' ? DTYPE_BYTES[dtype] : undefined
  if (typeof dtype !== 'string' || bytesPerElement === undefined)
    throw lies(file, `gives tensor "${name}" the unknown dtype ${JSON.stringify(dtype)}`)
  if (!Array.isArray(shape) || shape.length > MAX_DIMENSIONS || !shape.every(isSize))
    throw lies(file, `gives tensor "${name}" the impossible shape ${JSON.stringify(shape)}`)
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize))
    throw lies(file, `gives tensor "${name}" the offsets ${JSON.stringify(offsets)}`)
  const [begin, end] = offsets as [number, number]
  const expected = shape.reduce((product, size) => product * size, bytesPerElement)
  if (end - begin !== expected)
    throw lies(
      file,
      `gives tensor "${name}" ${end - begin} bytes, but ${dtype} [${shape}] takes ${expected}`,
    )
  return {
    name,
    dtype,
    shape: Object.freeze(shape),
    offset: dataStart + begin,
    byteLength: expected,
  }
}

/** Tensors lie one after the other without overlap, within the file. */
const checkLayout = (file: BoundedFile, entries: SafetensorsEntry[], dataStart: number) => {
  entries.sort((a, b) => a.offset - b.offset || a.byteLength - b.byteLength)
  let end = dataStart
  let previous = ''
  for (const { name, offset, byteLength } of entries) {
    if (offset < end) throw lies(file, `lets tensors "${previous}" and "${name}" overlap`)
    end = offset + byteLength
    previous = name
  }
  if (end > file.size)
    throw modelMalformed(
      `safetensors file ${file.name} is cut short: its header expects ${end} bytes, the file has ${file.size} (tensor "${previous}" ends beyond it); fetch it again`,
    )
}

const stringsOf = (value: unknown): Record<string, string> =>
  isRecord(value)
    ? Object.fromEntries(
        Object.entries(value).filter(
          (pair): pair is [string, string] => typeof pair[1] === 'string',
        ),
      )
    : {}
