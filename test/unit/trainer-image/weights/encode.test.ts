import t from 'tap'
import { dequantize } from '../../../../trainer-image/src/weights/dequantize.ts'
import {
  type EncodedType,
  encode,
  encodedBytes,
} from '../../../../trainer-image/src/weights/encode.ts'

const decoded = (type: EncodedType, bytes: Uint8Array, count: number) => {
  const data = new Float32Array(count)
  dequantize(type, bytes, data)
  return data
}
const roundTrip = (type: EncodedType, values: ArrayLike<number>) => {
  const data = Float32Array.from(values)
  return decoded(type, encode(type, data), data.length)
}
const ulps = (x: number, count: number) => {
  const view = new DataView(new ArrayBuffer(4))
  view.setFloat32(0, x)
  view.setUint32(0, view.getUint32(0) + count)
  return view.getFloat32(0)
}

t.test('every half that is finite comes back as it was', async t => {
  for (const type of ['F16', 'BF16'] as const) {
    const bits = Uint16Array.from({ length: 65_536 }, (_, i) => i)
    const values = decoded(type, new Uint8Array(bits.buffer), bits.length)
    const again = new Uint16Array(encode(type, values).buffer)
    const differs = bits.findIndex((each, i) => again[i] !== each && !Number.isNaN(values[i]))
    t.equal(differs, -1, type)
    t.ok(
      values.every(
        (value, i) => !Number.isNaN(value) || Number.isNaN(roundTrip(type, [values[i]!])[0]),
      ),
    )
  }
})

t.test('values between two halves go to the nearest, from the middle to the even one', async t => {
  const step = 2 ** -10
  const cases: [EncodedType, number, number][] = [
    ['F16', 1 + step / 2, 1],
    ['F16', ulps(1 + step / 2, 1), 1 + step],
    ['F16', 1 + 1.5 * step, 1 + 2 * step],
    ['F16', 65_519, 65_504],
    ['F16', 65_520, Number.POSITIVE_INFINITY],
    ['F16', -70_000, Number.NEGATIVE_INFINITY],
    ['F16', 2 ** -25, 0],
    ['F16', ulps(2 ** -25, 1), 2 ** -24],
    ['F16', 3 * 2 ** -25, 2 ** -23],
    ['F16', 1023.6 * 2 ** -24, 2 ** -14],
    ['BF16', 1 + 2 ** -8, 1],
    ['BF16', ulps(1 + 2 ** -8, 1), 1 + 2 ** -7],
    ['BF16', 1 + 3 * 2 ** -8, 1 + 2 ** -6],
    ['BF16', 3.4e38, Number.POSITIVE_INFINITY],
  ]
  for (const [type, value, expected] of cases)
    t.equal(roundTrip(type, [value])[0], expected, `${type} ${value}`)
})

t.test('float32 comes back to the bit, wherever in its buffer it lies', async t => {
  const whole = Float32Array.from([9, Math.PI, -0, 1e-42, Number.NaN])
  const part = whole.subarray(1)
  t.same(encode('F32', part), new Uint8Array(part.slice().buffer))
  t.same(encode('F16', part.subarray(0, 1)), encode('F16', Float32Array.of(Math.PI)))
})

t.test('blocks of 8 bits keep each value within half a step', async t => {
  const values = Float32Array.from({ length: 64 }, (_, i) => Math.sin(i) * (i < 32 ? 1 : 1e-3))
  t.equal(encode('Q8_0', values).length, encodedBytes('Q8_0', 64))
  t.equal(encodedBytes('Q8_0', 64), 68)
  const again = roundTrip('Q8_0', values)
  for (const [start, largest] of [
    [0, 1],
    [32, 1e-3],
  ] as const) {
    const worst = Math.max(
      ...values.subarray(start, start + 32).map((v, i) => Math.abs(v - again[start + i]!)),
    )
    t.ok(worst < (largest / 127) * 0.51, `${worst}`)
  }
  t.same([...roundTrip('Q8_0', new Float32Array(32))], new Array(32).fill(0))
})
