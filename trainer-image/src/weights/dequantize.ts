/** Bytes of a tensor → float32. All formats are little-endian; so is every machine that Node runs on. */
import { decodeQ4_0, decodeQ4_1, decodeQ5_0, decodeQ5_1, decodeQ8_0 } from './decode-blocks.ts'
import { decodeBF16, decodeF16, decodeF32 } from './decode-floats.ts'
import { decodeQ2_K, decodeQ3_K, decodeQ4_K, decodeQ5_K, decodeQ6_K } from './decode-k-blocks.ts'

/** Decodes whole blocks into `target` from index `at` on. */
export type Decoder = (bytes: Uint8Array, target: Float32Array, at: number) => void

type Format = {
  /** values and bytes of one block */
  readonly values: number
  readonly bytes: number
  readonly decode: Decoder
}

const FORMATS = {
  F32: { values: 1, bytes: 4, decode: decodeF32 },
  F16: { values: 1, bytes: 2, decode: decodeF16 },
  BF16: { values: 1, bytes: 2, decode: decodeBF16 },
  Q8_0: { values: 32, bytes: 34, decode: decodeQ8_0 },
  Q4_0: { values: 32, bytes: 18, decode: decodeQ4_0 },
  Q4_1: { values: 32, bytes: 20, decode: decodeQ4_1 },
  Q5_0: { values: 32, bytes: 22, decode: decodeQ5_0 },
  Q5_1: { values: 32, bytes: 24, decode: decodeQ5_1 },
  Q2_K: { values: 256, bytes: 84, decode: decodeQ2_K },
  Q3_K: { values: 256, bytes: 110, decode: decodeQ3_K },
  Q4_K: { values: 256, bytes: 144, decode: decodeQ4_K },
  Q5_K: { values: 256, bytes: 176, decode: decodeQ5_K },
  Q6_K: { values: 256, bytes: 210, decode: decodeQ6_K },
} as const satisfies Record<string, Format>

export type ElementType = keyof typeof FORMATS
export const ELEMENT_TYPES = Object.freeze(Object.keys(FORMATS)) as readonly ElementType[]
export const BLOCKS: Readonly<Record<ElementType, Format>> = FORMATS

export const isElementType = (name: string): name is ElementType => Object.hasOwn(FORMATS, name)

/** Decodes `bytes`, which are whole blocks, into `target` from index `at` on. */
export const dequantize = (
  type: ElementType,
  bytes: Uint8Array,
  target: Float32Array,
  at = 0,
): void => {
  const { values, bytes: size, decode } = BLOCKS[type]
  const count = bytes.byteLength / size
  if (!Number.isInteger(count) || at + count * values > target.length)
    throw new RangeError(
      `${bytes.byteLength} bytes of ${type} are not whole blocks of ${size}, or more than ${target.length - at} values`,
    )
  decode(bytes, target, at)
}
