/**
 * ggml's K-quants (ggml-common.h, ggml-quants.c) → float32: 256 values a block in groups of 16 or 32, each
 * group with a scale (and minimum) of few bits, which the block's float16 `d` (and `dmin`) scales in turn.
 * All products are exact in float32.
 */
import type { Decoder } from './dequantize.ts'
import { halfAt } from './half.ts'

const VALUES = 256

/** 16 bytes (scale in the low nibble, minimum in the high one) for groups of 16, 64 bytes of q, d, dmin */
export const decodeQ2_K: Decoder = (bytes, target, at) => {
  for (let block = 0, out = at; block < bytes.length; block += 84, out += VALUES) {
    const d = halfAt(bytes, block + 80)
    const dmin = halfAt(bytes, block + 82)
    for (let group = 0; group < 16; group++) {
      const packed = bytes[block + group]!
      const scale = d * (packed & 15)
      const min = dmin * (packed >> 4)
      const { from, shift } = twoBits(group)
      for (let i = 0; i < 16; i++)
        target[out + group * 16 + i] = scale * ((bytes[block + 16 + from + i]! >> shift) & 3) - min
    }
  }
}

/** 32 bytes of third bits, 64 bytes of q, 12 bytes of 6-bit scales for groups of 16, d; a third bit of 0 stands for −4 */
export const decodeQ3_K: Decoder = (bytes, target, at) => {
  for (let block = 0, out = at; block < bytes.length; block += 110, out += VALUES) {
    const d = halfAt(bytes, block + 108)
    for (let group = 0; group < 16; group++) {
      const scale = d * (sixBitScale(bytes, block + 96, group) - 32)
      const { from, shift } = twoBits(group)
      const bit = group >> 1
      for (let i = 0; i < 16; i++) {
        const low = (bytes[block + 32 + from + i]! >> shift) & 3
        const high = (bytes[block + (group & 1) * 16 + i]! >> bit) & 1
        target[out + group * 16 + i] = scale * (low + 4 * high - 4)
      }
    }
  }
}

/** d, dmin, 12 bytes of 6-bit scales and minima for groups of 32, 128 bytes of q */
export const decodeQ4_K: Decoder = (bytes, target, at) => {
  for (let block = 0, out = at; block < bytes.length; block += 144, out += VALUES) {
    const d = halfAt(bytes, block)
    const dmin = halfAt(bytes, block + 2)
    for (let group = 0; group < 8; group++) {
      const scale = d * scaleOf(bytes, block + 4, group)
      const min = dmin * minimumOf(bytes, block + 4, group)
      const from = block + 16 + (group >> 1) * 32
      const shift = (group & 1) * 4
      for (let i = 0; i < 32; i++)
        target[out + group * 32 + i] = scale * ((bytes[from + i]! >> shift) & 15) - min
    }
  }
}

/** as Q4_K, with 32 bytes of fifth bits before q */
export const decodeQ5_K: Decoder = (bytes, target, at) => {
  for (let block = 0, out = at; block < bytes.length; block += 176, out += VALUES) {
    const d = halfAt(bytes, block)
    const dmin = halfAt(bytes, block + 2)
    for (let group = 0; group < 8; group++) {
      const scale = d * scaleOf(bytes, block + 4, group)
      const min = dmin * minimumOf(bytes, block + 4, group)
      const from = block + 48 + (group >> 1) * 32
      const shift = (group & 1) * 4
      for (let i = 0; i < 32; i++) {
        const high = (bytes[block + 16 + i]! >> group) & 1
        const q = ((bytes[from + i]! >> shift) & 15) | (high << 4)
        target[out + group * 32 + i] = scale * q - min
      }
    }
  }
}

/** 128 bytes of low nibbles, 64 bytes of high bit pairs, 16 × int8 scales for groups of 16, d: x = d·scale·(q − 32) */
export const decodeQ6_K: Decoder = (bytes, target, at) => {
  for (let block = 0, out = at; block < bytes.length; block += 210, out += VALUES) {
    const d = halfAt(bytes, block + 208)
    for (let group = 0; group < 16; group++) {
      const scale = d * ((bytes[block + 192 + group]! << 24) >> 24)
      const { from, shift } = twoBits(group)
      // nibbles: 64 low ones, then the high ones of the same 64 bytes
      const nibbles = block + (group >> 3) * 64 + (group & 3) * 16
      const nibbleShift = (group & 4) === 0 ? 0 : 4
      for (let i = 0; i < 16; i++) {
        const low = (bytes[nibbles + i]! >> nibbleShift) & 15
        const high = (bytes[block + 128 + from + i]! >> shift) & 3
        target[out + group * 16 + i] = scale * ((low | (high << 4)) - 32)
      }
    }
  }
}

/** Bit pairs: 32 bytes hold 128 values, the 32 of the lowest pairs first. Byte and shift of a group of 16. */
const twoBits = (group: number) => ({
  from: (group >> 3) * 32 + (group & 1) * 16,
  shift: ((group >> 1) & 3) * 2,
})

/** Q3_K: 16 scales, low nibbles in 8 bytes, high pairs in the 4 after them */
const sixBitScale = (bytes: Uint8Array, at: number, group: number): number => {
  const low = (bytes[at + (group & 7)]! >> (group >> 3 === 0 ? 0 : 4)) & 15
  const high = (bytes[at + 8 + (group & 3)]! >> ((group >> 2) * 2)) & 3
  return low | (high << 4)
}

/** Q4_K, Q5_K: scales 0-3 in the low 6 bits of bytes 0-3; 4-7 in low nibbles of 8-11 and top pairs of 0-3 */
const scaleOf = (bytes: Uint8Array, at: number, group: number): number =>
  group < 4
    ? bytes[at + group]! & 63
    : (bytes[at + 4 + group]! & 15) | ((bytes[at + group - 4]! >> 6) << 4)

/** the same with bytes 4-7 and high nibbles */
const minimumOf = (bytes: Uint8Array, at: number, group: number): number =>
  group < 4
    ? bytes[at + 4 + group]! & 63
    : (bytes[at + 4 + group]! >> 4) | ((bytes[at + group]! >> 6) << 4)
