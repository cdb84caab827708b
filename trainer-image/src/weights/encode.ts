/**
 * float32 → bytes of a stored type, little-endian; the inverse of dequantize.ts.
 * Halves are rounded to the nearest, ties to even, as torch does; blocks as ggml-quants.c describes them.
 */

export const ENCODED_TYPES = ['F32', 'F16', 'BF16', 'Q8_0'] as const
export type EncodedType = (typeof ENCODED_TYPES)[number]

/** Values and bytes of one block. */
const BLOCK: Readonly<Record<EncodedType, { readonly values: number; readonly bytes: number }>> = {
  F32: { values: 1, bytes: 4 },
  F16: { values: 1, bytes: 2 },
  BF16: { values: 1, bytes: 2 },
  Q8_0: { values: 32, bytes: 34 },
}

/** @returns bytes of so many values, whole blocks of them */
export const encodedBytes = (type: EncodedType, values: number): number =>
  (values / BLOCK[type].values) * BLOCK[type].bytes

export const isWholeBlocks = (type: EncodedType, values: number): boolean =>
  values % BLOCK[type].values === 0

/** @returns a new array; values beyond the type's range become infinite */
export const encode = (type: EncodedType, data: Float32Array): Uint8Array => {
  const bytes = new Uint8Array(encodedBytes(type, data.length))
  ENCODERS[type](data, new DataView(bytes.buffer))
  return bytes
}

type Encoder = (data: Float32Array, view: DataView) => void

const encodeF32: Encoder = (data, view) => {
  new Uint8Array(view.buffer).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
}

const bitsOf = (data: Float32Array) => new Uint32Array(data.buffer, data.byteOffset, data.length)

/** A subnormal float16 is a multiple of 2^-24. */
const subnormalHalf = (value: number): number => {
  const scaled = Math.abs(value) * 2 ** 24
  const low = Math.floor(scaled)
  const rest = scaled - low
  return low + (rest > 0.5 || (rest === 0.5 && low % 2 === 1) ? 1 : 0)
}

/** Bits of the nearest IEEE 754 binary16. */
const halfBits = (bits: number, value: number): number => {
  const sign = (bits >>> 16) & 0x8000
  const magnitude = bits & 0x7fffffff
  if (magnitude > 0x7f800000) return sign | 0x7e00
  // from 65520 on the nearest is infinity
  if (magnitude >= 0x477ff000) return sign | 0x7c00
  if (magnitude < 0x38800000) return sign | subnormalHalf(value)
  // 13 bits of the fraction go, and the exponent's bias falls from 127 to 15
  const even = (magnitude >>> 13) & 1
  return sign | ((magnitude - 0x38000000 + 0xfff + even) >>> 13)
}

const encodeF16: Encoder = (data, view) => {
  const bits = bitsOf(data)
  for (let i = 0; i < data.length; i++) view.setUint16(2 * i, halfBits(bits[i]!, data[i]!), true)
}

/** The upper half of float32. */
const encodeBF16: Encoder = (data, view) => {
  const bits = bitsOf(data)
  for (let i = 0; i < data.length; i++) {
    const each = bits[i]!
    const isNotANumber = (each & 0x7fffffff) > 0x7f800000
    const rounded = isNotANumber ? each | 0x400000 : each + 0x7fff + ((each >>> 16) & 1)
    view.setUint16(2 * i, rounded >>> 16, true)
  }
}

/** A block's scale d = max|x| / 127 as float16, then 32 × int8 of x / d, halves rounded away from zero. */
const encodeQ8_0: Encoder = (data, view) => {
  const scale = new Float32Array(1)
  const scaleBits = bitsOf(scale)
  for (let block = 0, at = 0; block < data.length; block += 32, at += 34) {
    let largest = 0
    for (let i = 0; i < 32; i++) largest = Math.max(largest, Math.abs(data[block + i]!))
    scale[0] = largest / 127
    const inverse = scale[0] === 0 ? 0 : Math.fround(1 / scale[0])
    view.setUint16(at, halfBits(scaleBits[0]!, scale[0]), true)
    for (let i = 0; i < 32; i++) {
      const scaled = Math.fround(data[block + i]! * inverse)
      view.setInt8(at + 2 + i, Math.sign(scaled) * Math.floor(Math.abs(scaled) + 0.5))
    }
  }
}

const ENCODERS: Readonly<Record<EncodedType, Encoder>> = {
  F32: encodeF32,
  F16: encodeF16,
  BF16: encodeBF16,
  Q8_0: encodeQ8_0,
}
