import t from 'tap'
import { dequantize } from '../../../../trainer-image/src/weights/dequantize.ts'
import {
  dequantizeBlocks,
  packCodes,
  type Quantization,
  quantizeBlocks,
} from '../../../../trainer-image/src/weights/quantize-blocks.ts'
import { uniform } from '../../../fixtures/parity/numbers.ts'

const rounded = (data: Float32Array, quantization: Quantization) =>
  dequantizeBlocks(quantizeBlocks(data, quantization))

const rootMeanSquare = (values: ArrayLike<number>) =>
  Math.sqrt(Array.from(values, value => value * value).reduce((a, b) => a + b, 0) / values.length)

const errorOf = (data: Float32Array, other: Float32Array) =>
  rootMeanSquare(data.map((value, i) => value - other[i]!))

/** About normal: the sum of four uniform numbers. */
const bells = (name: string, size: number) => {
  const drawn = uniform(name, 4 * size)
  return Float32Array.from({ length: size }, (_, i) =>
    drawn.subarray(4 * i, 4 * i + 4).reduce((a, b) => a + b, 0),
  )
}

/** Codes from -8 or -128 on, the scale from the farthest value. */
const symmetric = (data: Float32Array, { bits, blockSize }: Quantization) => {
  const half = 2 ** (bits - 1)
  return data.map((value, i) => {
    const start = i - (i % blockSize)
    const block = data.subarray(start, start + blockSize)
    const scale = block.reduce((most, x) => Math.max(most, Math.abs(x)), 0) / (half - 1)
    return scale * Math.max(-half, Math.min(half - 1, Math.round(value / scale)))
  })
}

for (const [bits, blockSize, share] of [
  [4, 16, 0.08],
  [4, 32, 0.09],
  [4, 128, 0.12],
  [8, 32, 0.006],
] as const) {
  t.test(`${bits} bits in blocks of ${blockSize}`, async t => {
    const quantization = { bits, blockSize }
    const data = bells(`${bits}/${blockSize}`, 128 * 64)
    const error = errorOf(data, rounded(data, quantization))
    t.ok(error < share * rootMeanSquare(data), `${error / rootMeanSquare(data)} of the values`)
    t.ok(error < errorOf(data, symmetric(data, quantization)), 'less than without zero points')
    const shifted = data.map(value => value + 2)
    const { zeros } = quantizeBlocks(shifted, quantization)
    t.ok(new Set(zeros).size > 1, 'zero points follow the values')
  })
}

t.test('blocks of Q4_0 and Q8_0 keep their values to the bit', async t => {
  for (const [type, bits, bytes, codes] of [
    ['Q4_0', 4, 18, 16],
    ['Q8_0', 8, 34, 32],
  ] as const) {
    const drawn = uniform(type, 64 * bytes, 0, 256)
    const blocks = Uint8Array.from(drawn, Math.floor)
    for (let b = 0; b < 64; b++) {
      const d = new DataView(blocks.buffer, b * bytes)
      // float16 scales of both signs, about 0.02
      d.setUint16(0, 0x2500 + b * 3 + (b % 2 && type === 'Q4_0' ? 0x8000 : 0), true)
      // the farthest value, as the formats' own rounding leaves one in each block
      if (bits === 4) d.setUint8(2 + (b % codes), d.getUint8(2 + (b % codes)) & 0xf0)
      else for (let i = 0; i < 32; i++) d.setInt8(2 + i, Math.max(-127, d.getInt8(2 + i)))
      if (bits === 8) d.setInt8(2 + (b % codes), b % 2 ? 127 : -127)
    }
    const data = new Float32Array(64 * 32)
    dequantize(type, blocks, data)
    t.same(rounded(data, { bits, blockSize: 32 }), data, type)
  }
})

t.test('zeros, constants and values of one sign', async t => {
  const quantization = { bits: 4 as const, blockSize: 16 }
  t.same(rounded(new Float32Array(32), quantization), new Float32Array(32))
  t.same(rounded(new Float32Array(16).fill(1e-38), quantization), new Float32Array(16))
  for (const constant of [3.5, -0.25])
    t.same(rounded(new Float32Array(16).fill(constant), quantization), Array(16).fill(constant))
  const positive = uniform('positive', 16, 1, 2)
  t.ok(errorOf(positive, rounded(positive, quantization)) < 0.1)
})

t.test('4-bit codes are packed low nibble first', async t => {
  t.same([...packCodes(Uint8Array.of(1, 2, 3, 15), 4)], [0x21, 0xf3])
  t.same([...packCodes(Uint8Array.of(1, 2, 3, 4, 5, 6), 4, 3)], [0x21, 0x03, 0x54, 0x06])
  t.same([...packCodes(Uint8Array.of(1, 2, 3, 4, 5, 6), 4)], [0x21, 0x43, 0x65])
  t.same([...packCodes(Uint8Array.of(1, 200, 3), 8)], [1, 200, 3])
})

t.test('rows of no whole blocks are refused', async t => {
  t.throws(() => quantizeBlocks(new Float32Array(40), { bits: 4, blockSize: 32 }), TypeError)
})
