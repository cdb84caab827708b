import t from 'tap'
import {
  BLOCKS,
  dequantize,
  type ElementType,
} from '../../../../trainer-image/src/weights/dequantize.ts'
import {
  dequantizeBlocks,
  packCodes,
  type Quantization,
  quantizeBlocks,
} from '../../../../trainer-image/src/weights/quantize-blocks.ts'
import { relativeError, uniform } from '../../../fixtures/parity/numbers.ts'

const rounded = (data: Float32Array, quantization: Quantization) =>
  dequantizeBlocks(quantizeBlocks(data, quantization))

const rootMeanSquare = (values: ArrayLike<number>) =>
  Math.sqrt(Array.from(values, value => value * value).reduce((a, b) => a + b, 0) / values.length)

const errorOf = (data: Float32Array, other: Float32Array) =>
  rootMeanSquare(data.map((value, i) => value - other[i]!))

/** Normal numbers (Box and Muller 1958). */
const normal = (name: string, size: number) => {
  const [radii, angles] = [uniform(`${name}/radii`, size, 0, 1), uniform(`${name}/angles`, size)]
  return radii.map((u, i) => Math.sqrt(-2 * Math.log(1 - u)) * Math.cos(Math.PI * angles[i]!))
}

/** Evenly spaced numbers from the lowest to the highest of each block. */
const ranged = (data: Float32Array, { bits, blockSize }: Quantization) =>
  data.map((value, i) => {
    const start = i - (i % blockSize)
    const block = data.subarray(start, start + blockSize)
    const [lowest, highest] = [Math.min(...block), Math.max(...block)]
    const step = (highest - lowest) / (2 ** bits - 1)
    return lowest + step * Math.round((value - lowest) / step)
  })

/** Root mean square of the differences, as a share of the values'. With `from` for the block's range alone. */
for (const { bits, blockSize, from, to } of [
  { bits: 4, blockSize: 16, from: 0.0647, to: 0.0575 },
  { bits: 4, blockSize: 32, from: 0.0786, to: 0.0721 },
  { bits: 4, blockSize: 128, from: 0.1004, to: 0.0931 },
  { bits: 8, blockSize: 32, from: 0.00463, to: 0.00467 },
] as const) {
  const quantization = { bits, blockSize }

  t.test(`${bits} bits in blocks of ${blockSize} of normal numbers`, async t => {
    const data = normal(`${bits}/${blockSize}`, 128 * 256)
    const shareOf = (other: Float32Array) => errorOf(data, other) / rootMeanSquare(data)
    for (const [recorded, other] of [
      [from, ranged(data, quantization)],
      [to, rounded(data, quantization)],
    ] as const) {
      const share = shareOf(other)
      t.ok(Math.abs(share / recorded - 1) < 0.005, `${share} for ${recorded}`)
    }
  })

  t.test(`${bits} bits in blocks of ${blockSize}: zero points follow the values`, async t => {
    const data = normal('shifted', 128 * 64).map(value => value + 2)
    const { zeros } = quantizeBlocks(data, quantization)
    t.ok(new Set(zeros).size > 1)
  })
}

/** Blocks of random codes. `halves` are where a block's float16 scale and minimum lie. */
const blocksOf = (type: ElementType, halves: readonly number[]) => {
  const { bytes, values } = BLOCKS[type]
  const blocks = Uint8Array.from(uniform(type, 64 * bytes, 0, 256), Math.floor)
  const view = new DataView(blocks.buffer)
  for (let b = 0; b < 64; b++)
    // of both signs, about 0.02
    for (const [i, half] of halves.entries())
      view.setUint16(b * bytes + half, 0x2500 + b * 3 + i * 41 + (b % 2 ? 0x8000 : 0), true)
  // as the format's own rounding does: the farthest value has the code 127 or -127, and none has -128
  if (type === 'Q8_0')
    for (let i = 0; i < blocks.length; i++)
      if (i % bytes === 2) view.setInt8(i, b127(i))
      else if (i % bytes > 2) view.setInt8(i, Math.max(-127, view.getInt8(i)))
  const data = new Float32Array(64 * values)
  dequantize(type, blocks, data)
  return data
}
const b127 = (i: number) => (i % 4 < 2 ? 127 : -127)

for (const [type, quantization, halves] of [
  ['Q4_0', { bits: 4, blockSize: 32 }, [0]],
  ['Q4_0', { bits: 4, blockSize: 16 }, [0]],
  ['Q4_1', { bits: 4, blockSize: 32 }, [0, 2]],
  ['Q4_1', { bits: 4, blockSize: 16 }, [0, 2]],
  ['Q8_0', { bits: 8, blockSize: 32 }, [0]],
] as const)
  t.test(`${type} in blocks of ${quantization.blockSize} keeps its values to the bit`, async t => {
    const data = blocksOf(type, halves)
    t.same(rounded(data, quantization), data)
  })

for (const [type, blockSize, halves] of [
  ['Q4_K', 32, [0, 2]],
  ['Q3_K', 16, [108]],
  ['Q2_K', 16, [80, 82]],
] as const)
  t.test(`${type} in blocks of ${blockSize} keeps its values`, async t => {
    const data = blocksOf(type, halves)
    const off = relativeError(rounded(data, { bits: 4, blockSize }), data)
    t.ok(off <= 2 ** -22, `off by ${off}`)
  })

const block = (value: number) => new Float32Array(16).fill(value)

t.test('zeros, constants and values of one sign', async t => {
  const quantization = { bits: 4 as const, blockSize: 16 }
  for (const constant of [0, 1e-38, 3.5, -0.25])
    t.same(rounded(block(constant), quantization), block(constant))
  const positive = uniform('positive', 16, 1, 2)
  t.ok(errorOf(positive, rounded(positive, quantization)) < 0.03)
  const eight = { bits: 8 as const, blockSize: 16 }
  t.same(rounded(block(1e-38), eight), block(0))
  for (const constant of [3.5, -0.25]) t.same(rounded(block(constant), eight), block(constant))
})

t.test('4-bit codes are packed low nibble first', async t => {
  t.same([...packCodes(Uint8Array.of(1, 2, 3, 15), 4)], [0x21, 0xf3])
  t.same([...packCodes(Uint8Array.of(1, 2, 3, 4, 5, 6), 4)], [0x21, 0x43, 0x65])
  t.same([...packCodes(Uint8Array.of(1, 200, 3), 8)], [1, 200, 3])
})

t.test('rows of no whole blocks are refused', async t => {
  t.throws(() => quantizeBlocks(new Float32Array(40), { bits: 4, blockSize: 32 }), TypeError)
})
