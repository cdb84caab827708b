/**
 * Float32 → codes of 4 or 8 bits, in blocks that follow each other along a weight's rows: w ≈ (code - zero) · scale,
 * at 4 bits + shift, for a zero point between two codes is worth more there than the 4 bytes a block that it takes.
 */
import { encodeBlock, gridOf } from './fit-block.ts'

export type Quantization = { readonly bits: 4 | 8; readonly blockSize: number }

export type BlockQuantized = Quantization & {
  /** of each value one byte */
  readonly codes: Uint8Array
  /** of each block */
  readonly scales: Float32Array
  readonly zeros: Uint8Array
  /** at 4 bits only */
  readonly shifts?: Float32Array
}

/** @param data rows of whole blocks */
export const quantizeBlocks = (data: Float32Array, quantization: Quantization): BlockQuantized => {
  const { bits, blockSize } = quantization
  const blocks = data.length / blockSize
  if (!Number.isInteger(blocks))
    throw new TypeError(`${data.length} values are no whole blocks of ${blockSize}`)
  const codes = new Uint8Array(data.length)
  const scales = new Float32Array(blocks)
  const zeros = new Uint8Array(blocks)
  const shifts = new Float32Array(blocks)
  for (let b = 0; b < blocks; b++) {
    const block = { data, start: b * blockSize, end: (b + 1) * blockSize }
    const grid = gridOf(block, bits)
    scales[b] = grid.scale
    zeros[b] = grid.zero
    shifts[b] = grid.shift
    encodeBlock(block, grid, bits, codes)
  }
  return { bits, blockSize, codes, scales, zeros, ...(bits === 4 ? { shifts } : {}) }
}

/** @returns float32 values to the bit as ONNX Runtime computes them */
export const dequantizeBlocks = (quantized: BlockQuantized): Float32Array<ArrayBuffer> => {
  const { codes, scales, zeros, shifts, blockSize } = quantized
  const data = new Float32Array(codes.length)
  for (let b = 0; b < scales.length; b++) {
    const shift = shifts?.[b] ?? 0
    for (let i = b * blockSize; i < (b + 1) * blockSize; i++)
      data[i] = Math.fround((codes[i]! - zeros[b]!) * scales[b]!) + shift
  }
  return data
}

/** @returns codes as bytes, the low nibble first; every row of `length` codes starts a byte */
export const packCodes = (codes: Uint8Array, bits: 4 | 8, length = codes.length): Uint8Array => {
  if (bits === 8) return codes
  const bytes = Math.ceil(length / 2)
  const packed = new Uint8Array((codes.length / length) * bytes)
  for (let row = 0; row * length < codes.length; row++)
    for (let i = 0; i < length; i++) {
      const at = row * bytes + (i >> 1)
      packed[at] = packed[at]! | (codes[row * length + i]! << (4 * (i & 1)))
    }
  return packed
}
