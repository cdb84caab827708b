import t from 'tap'
import {
  embeddingNoise,
  noiseBound,
} from '../../../../trainer-image/src/session/embedding-noise.ts'
import { toMicroBatch } from '../../../../trainer-image/src/train/micro-batch.ts'
import { aRow } from '../../../fixtures/a-row.ts'

const C = 6
const SOURCE = { seed: 7, bound: 0.5, hiddenSize: C }
const documents = [
  { tokens: [5, 6, 7], answer: 1 },
  { tokens: [8, 9], answer: 1 },
  { tokens: [5, 6, 4, 3], answer: 2 },
]
const noiseOf = (length: number, step: number, ...rows: readonly (typeof documents)[]) =>
  embeddingNoise(SOURCE, { ...toMicroBatch(rows.map(row => aRow(length, ...row))), step })
const at = (noise: Float32Array, start: number, tokens: number) => [
  ...noise.subarray(start * C, (start + tokens) * C),
]

t.test('a document’s noise is the same packed or alone, beside others or not', async t => {
  const [a, b, c] = documents.map(document => [document]) as [
    typeof documents,
    typeof documents,
    typeof documents,
  ]
  const packed = noiseOf(128, 3, documents)
  const [alone, second, third] = [a, b, c].map(row => noiseOf(64, 3, row)) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ]
  t.strictSame(at(packed, 0, 3), at(alone, 0, 3))
  t.strictSame(at(packed, 3, 2), at(second, 0, 2))
  t.strictSame(at(packed, 5, 4), at(third, 0, 4))
  const together = noiseOf(64, 3, c, a)
  t.strictSame(at(together, 64, 3), at(alone, 0, 3))
  t.ok(
    packed.subarray(9 * C).every(value => value === 0),
    'padding gets none',
  )
})

t.test('it differs by step, seed, document and place', async t => {
  const batch = toMicroBatch([aRow(64, ...documents)])
  const noises = [
    embeddingNoise(SOURCE, { ...batch, step: 1 }),
    embeddingNoise(SOURCE, { ...batch, step: 2 }),
    embeddingNoise({ ...SOURCE, seed: 8 }, { ...batch, step: 1 }),
  ]
  const values = noises.flatMap(noise => at(noise, 0, 9))
  t.equal(new Set(values).size, values.length)
})

t.test('it is uniform within its bound', async t => {
  const bound = noiseBound(5, 512, 576)
  t.ok(Math.abs(bound - 5 / Math.sqrt(512 * 576)) < 1e-15)
  const long = aRow(512, { tokens: Array.from({ length: 512 }, (_, i) => i), answer: 1 })
  const noise = embeddingNoise({ seed: 1, bound, hiddenSize: 64 }, toMicroBatch([long]))
  const mean = (of: (x: number) => number) =>
    noise.reduce((sum, x) => sum + of(x / bound), 0) / noise.length
  t.ok(noise.every(x => x >= -bound && x < bound))
  t.ok(Math.abs(mean(x => x)) < 0.01)
  t.ok(Math.abs(mean(x => x * x) - 1 / 3) < 0.01)
  const shifted = noise.subarray(64)
  const correlation = shifted.reduce((sum, x, i) => sum + (x * noise[i]!) / bound ** 2, 0)
  t.ok(Math.abs(correlation / shifted.length) < 0.01, 'neighbours know nothing of each other')
})
