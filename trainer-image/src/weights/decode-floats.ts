/** float32, float16 and bfloat16 → float32. */
import type { Decoder } from './dequantize.ts'
import { HALF } from './half.ts'

export const decodeF32: Decoder = (bytes, target, at) => {
  new Uint8Array(target.buffer, target.byteOffset + at * 4, bytes.byteLength).set(bytes)
}

export const decodeF16: Decoder = (bytes, target, at) => {
  const bits = words(bytes)
  for (let i = 0; i < bits.length; i++) target[at + i] = HALF[bits[i]!]!
}

/** bfloat16 is the upper half of float32 */
export const decodeBF16: Decoder = (bytes, target, at) => {
  const bits = words(bytes)
  const out = new Uint32Array(target.buffer, target.byteOffset + at * 4, bits.length)
  for (let i = 0; i < bits.length; i++) out[i] = bits[i]! << 16
}

/** The typed array wants an even address; only bytes at an odd one are copied for it. */
const words = (bytes: Uint8Array): Uint16Array => {
  const even = bytes.byteOffset % 2 === 0 ? bytes : new Uint8Array(bytes)
  return new Uint16Array(even.buffer, even.byteOffset, even.byteLength / 2)
}
