/**
 * Bytes of a tensor → float32. Block formats as ggml defines them (ggml-common.h, ggml-quants.c):
 * 32 values a block, scale `d` (and minimum `m`) as float16, nibbles low half first.
 * All of them little-endian; so is every machine that Node runs on.
 */

export const ELEMENT_TYPES = ['F32', 'F16', 'BF16', 'Q8_0', 'Q4_0', 'Q4_1'] as const
export type ElementType = (typeof ELEMENT_TYPES)[number]

/** Values and bytes of one block. */
export const BLOCKS: Readonly<Record<ElementType, { values: number; bytes: number }>> = {
  F32: { values: 1, bytes: 4 },
  F16: { values: 1, bytes: 2 },
  BF16: { values: 1, bytes: 2 },
  Q8_0: { values: 32, bytes: 34 },
  Q4_0: { values: 32, bytes: 18 },
  Q4_1: { values: 32, bytes: 20 },
}

export const isElementType = (name: string): name is ElementType =>
  (ELEMENT_TYPES as readonly string[]).includes(name)

/** Decodes `bytes` (whole blocks) into `target` from index `at` on. */
export const dequantize = (
  type: ElementType,
  bytes: Uint8Array,
  target: Float32Array,
  at = 0,
): void =>
  DECODERS[type](new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), target, at)

type Decoder = (view: DataView, target: Float32Array, at: number) => void

const decodeF32: Decoder = (view, target, at) => {
  const bytes = new Uint8Array(target.buffer, target.byteOffset + at * 4, view.byteLength)
  bytes.set(new Uint8Array(view.buffer, view.byteOffset, view.byteLength))
}

const decodeF16: Decoder = (view, target, at) => {
  const count = view.byteLength / 2
  for (let i = 0; i < count; i++) target[at + i] = HALF[view.getUint16(2 * i, true)]!
}

/** bfloat16 is the upper half of float32 */
const decodeBF16: Decoder = (view, target, at) => {
  const bits = new Uint32Array(target.buffer, target.byteOffset + at * 4, view.byteLength / 2)
  for (let i = 0; i < bits.length; i++) bits[i] = view.getUint16(2 * i, true) << 16
}

/** d, 32 × int8: x = d·q */
const decodeQ8_0: Decoder = (view, target, at) => {
  for (let block = 0, out = at; block < view.byteLength; block += 34, out += 32) {
    const d = HALF[view.getUint16(block, true)]!
    for (let i = 0; i < 32; i++) target[out + i] = d * view.getInt8(block + 2 + i)
  }
}

/** d, 16 bytes of nibbles: x = d·(q − 8) */
const decodeQ4_0: Decoder = (view, target, at) => {
  for (let block = 0, out = at; block < view.byteLength; block += 18, out += 32) {
    const d = HALF[view.getUint16(block, true)]!
    for (let i = 0; i < 16; i++) {
      const pair = view.getUint8(block + 2 + i)
      target[out + i] = d * ((pair & 15) - 8)
      target[out + 16 + i] = d * ((pair >> 4) - 8)
    }
  }
}

/** d, m, 16 bytes of nibbles: x = d·q + m, the product rounded to float32 before the sum */
const decodeQ4_1: Decoder = (view, target, at) => {
  for (let block = 0, out = at; block < view.byteLength; block += 20, out += 32) {
    const d = HALF[view.getUint16(block, true)]!
    const m = HALF[view.getUint16(block + 2, true)]!
    for (let i = 0; i < 16; i++) {
      const pair = view.getUint8(block + 4 + i)
      target[out + i] = Math.fround(d * (pair & 15)) + m
      target[out + 16 + i] = Math.fround(d * (pair >> 4)) + m
    }
  }
}

const DECODERS: Readonly<Record<ElementType, Decoder>> = {
  F32: decodeF32,
  F16: decodeF16,
  BF16: decodeBF16,
  Q8_0: decodeQ8_0,
  Q4_0: decodeQ4_0,
  Q4_1: decodeQ4_1,
}

/** value of a float16 by its bits (IEEE 754 binary16) */
const halfValue = (bits: number): number => {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
  return sign * (1024 + fraction) * 2 ** (exponent - 25)
}

/** 65,536 entries: a lookup is several times faster than the arithmetic */
const HALF = Float32Array.from({ length: 65_536 }, (_, bits) => halfValue(bits))
