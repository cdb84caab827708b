/**
 * ggml's first block formats (ggml-common.h, ggml-quants.c) → float32: 32 values a block, scale `d` (and
 * minimum `m`) as float16, nibbles low half first. Products of d and q are exact in float32.
 */
import type { Decoder } from './dequantize.ts'
import { halfAt } from './half.ts'

/** d, 32 × int8: x = d·q */
export const decodeQ8_0: Decoder = (bytes, target, at) => {
  for (let block = 0, out = at; block < bytes.length; block += 34, out += 32) {
    const d = halfAt(bytes, block)
    for (let i = 0; i < 32; i++) target[out + i] = d * ((bytes[block + 2 + i]! << 24) >> 24)
  }
}

/** d, 16 bytes of nibbles: x = d·(q − 8) */
export const decodeQ4_0: Decoder = (bytes, target, at) => {
  for (let block = 0, out = at; block < bytes.length; block += 18, out += 32) {
    const d = halfAt(bytes, block)
    for (let i = 0; i < 16; i++) {
      const pair = bytes[block + 2 + i]!
      target[out + i] = d * ((pair & 15) - 8)
      target[out + 16 + i] = d * ((pair >> 4) - 8)
    }
  }
}

/** d, m, 16 bytes of nibbles: x = d·q + m */
export const decodeQ4_1: Decoder = (bytes, target, at) => {
  for (let block = 0, out = at; block < bytes.length; block += 20, out += 32) {
    const d = halfAt(bytes, block)
    const m = halfAt(bytes, block + 2)
    for (let i = 0; i < 16; i++) {
      const pair = bytes[block + 4 + i]!
      target[out + i] = d * (pair & 15) + m
      target[out + 16 + i] = d * (pair >> 4) + m
    }
  }
}

/** d, the fifth bits of the 32 values, 16 bytes of nibbles: x = d·(q − 16) */
export const decodeQ5_0: Decoder = (bytes, target, at) => {
  for (let block = 0, out = at; block < bytes.length; block += 22, out += 32) {
    const d = halfAt(bytes, block)
    const high = bitsAt(bytes, block + 2)
    for (let i = 0; i < 16; i++) {
      const pair = bytes[block + 6 + i]!
      target[out + i] = d * (((pair & 15) | (((high >> i) & 1) << 4)) - 16)
      target[out + 16 + i] = d * (((pair >> 4) | (((high >> (i + 16)) & 1) << 4)) - 16)
    }
  }
}

/** d, m, the fifth bits of the 32 values, 16 bytes of nibbles: x = d·q + m */
export const decodeQ5_1: Decoder = (bytes, target, at) => {
  for (let block = 0, out = at; block < bytes.length; block += 24, out += 32) {
    const d = halfAt(bytes, block)
    const m = halfAt(bytes, block + 2)
    const high = bitsAt(bytes, block + 4)
    for (let i = 0; i < 16; i++) {
      const pair = bytes[block + 8 + i]!
      target[out + i] = d * ((pair & 15) | (((high >> i) & 1) << 4)) + m
      target[out + 16 + i] = d * ((pair >> 4) | (((high >> (i + 16)) & 1) << 4)) + m
    }
  }
}

const bitsAt = (bytes: Uint8Array, at: number): number =>
  bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
