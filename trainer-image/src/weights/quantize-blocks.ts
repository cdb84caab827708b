/**
 * Float32 → codes of 4 or 8 bits, in blocks that follow each other along a weight's rows: w ≈ (code - zero) · scale. At
 * 4 bits a zero point between two codes is worth the bytes that it takes.
 */
import { encodeBlock, gridOf } from './fit-block.ts'

export type Quantization = { readonly bits: 4 | 8; readonly blockSize: number }

export type BlockQuantized = Quantization & {
  /** of each value one byte */
  readonly codes: Uint8Array
  /** of each block */
  readonly scales: Float32Array
  readonly zeros: Uint8Array | Float32Array
  /** at 4 bits what code 0 stands for */
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
  const zeros = bits === 4 ? new Float32Array(blocks) : new Uint8Array(blocks)
  const shifts = bits === 4 ? new Float32Array(blocks) : undefined
  for (let b = 0; b < blocks; b++) {
    const block = { data, start: b * blockSize, end: (b + 1) * blockSize }
    const grid = gridOf(block, bits)
    scales[b] = grid.scale
    zeros[b] = grid.zero
    if (shifts) shifts[b] = grid.shift!
    encodeBlock(block, grid, bits, codes)
  }
  return { bits, blockSize, codes, scales, zeros, ...(shifts ? { shifts } : {}) }
}

/** @returns float32 values to the bit as ONNX Runtime's `DequantizeLinear` and `Add` compute them */
export const dequantizeBlocks = (quantized: BlockQuantized): Float32Array<ArrayBuffer> => {
  const { codes, scales, zeros, shifts, blockSize } = quantized
  const data = new Float32Array(codes.length)
  for (let b = 0; b < scales.length; b++) {
    const [zero, shift] = shifts ? [0, shifts[b]!] : [zeros[b]!, 0]
    for (let i = b * blockSize; i < (b + 1) * blockSize; i++)
      data[i] = Math.fround((codes[i]! - zero) * scales[b]!) + shift
  }
  return data
}

/** @returns codes as bytes, the low nibble first */
export const packCodes = (codes: Uint8Array, bits: 4 | 8): Uint8Array => {
  if (bits === 8) return codes
  const packed = new Uint8Array(codes.length / 2)
  for (let i = 0; i < packed.length; i++) packed[i] = codes[2 * i]! | (codes[2 * i + 1]! << 4)
  return packed
}
