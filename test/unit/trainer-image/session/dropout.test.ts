import { InferenceSession, Tensor } from 'onnxruntime-node'
import t from 'tap'
import { GraphBuilder } from '../../../../trainer-image/src/graph/build.ts'
import { writeOnnx } from '../../../../trainer-image/src/graph/write-onnx.ts'
import {
  dropoutFactors,
  dropoutFeeds,
  dropoutInputs,
  thresholdOf,
} from '../../../../trainer-image/src/session/dropout.ts'
import type { MicroBatch } from '../../../../trainer-image/src/session/training-engine.ts'
import { configOf, runNamed } from '../../../fixtures/parity/recorded-run.ts'

const config = configOf(runNamed('untied'))
const method = (dropout: number) => ({ rank: 2, alpha: 4, targetModules: ['all-linear'], dropout })

/** Rows of tokens, padded on the right. */
const batchOf = (rows: readonly (readonly number[])[], length: number, step = 0): MicroBatch => {
  const spread = (of: (token: number) => number) =>
    Int32Array.from(
      rows.flatMap(row => Array.from({ length }, (_, t) => (t < row.length ? of(row[t]!) : 0))),
    )
  return {
    rows: rows.length,
    length,
    step,
    tokens: spread(token => token),
    positions: new Int32Array(rows.length * length),
    segments: spread(() => 1),
    targetPositions: new Int32Array(0),
    targetTokens: new Int32Array(0),
  }
}
const ROWS = Array.from({ length: 8 }, (_, row) =>
  Array.from({ length: 30 }, (_, t) => row + 3 * t),
)

const maskOf = (batch: MicroBatch, width: number, dropout: number, seed = 1) => {
  const { rows, columns } = dropoutFactors({ config, method: method(dropout), seed }, batch)
  const threshold = thresholdOf(dropout)
  return Array.from(rows, row =>
    Array.from(columns.subarray(0, width), column => Number(Math.imul(row, column) >= threshold)),
  )
}
const mean = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0) / numbers.length

t.test('the share that is asked for is dropped, in every row and column alike', t => {
  for (const dropout of [0.05, 0.5, 0.9]) {
    const mask = maskOf(batchOf(ROWS, 32), 64, dropout)
    const kept = mask.flat()
    const sigma = Math.sqrt((dropout * (1 - dropout)) / kept.length)
    const off = Math.abs(mean(kept) - (1 - dropout))
    t.ok(off < 4 * sigma, `${dropout}: off by ${off / sigma} σ`)
    const columns = Array.from({ length: 64 }, (_, i) => mean(mask.map(row => row[i]!)))
    const widest = Math.max(...columns.map(share => Math.abs(share - (1 - dropout))))
    t.ok(widest < 5 * sigma * Math.sqrt(64), `${dropout}: the oddest column is off by ${widest}`)
  }
  t.end()
})

t.test('neighbours are dropped independently of each other', t => {
  const mask = maskOf(batchOf(ROWS, 32), 64, 0.5)
  const correlation = (pairs: readonly (readonly [number, number])[]) =>
    Math.abs(mean(pairs.map(([a, b]) => (2 * a - 1) * (2 * b - 1)))) * Math.sqrt(pairs.length)
  const along = mask.flatMap(row => row.slice(1).map((kept, i) => [kept, row[i]!] as const))
  const below = mask
    .slice(1)
    .flatMap((row, r) => row.map((kept, i) => [kept, mask[r]![i]!] as const))
  t.ok(correlation(along) < 4, `along a row: ${correlation(along)} σ`)
  t.ok(correlation(below) < 4, `along a column: ${correlation(below)} σ`)
  t.end()
})

t.test('a row has its mask wherever it comes in a step, and another at the next', t => {
  const [, second] = ROWS
  const whole = maskOf(batchOf(ROWS, 32), 16, 0.3).slice(32, 64)
  t.same(maskOf(batchOf([second!], 32), 16, 0.3), whole, 'alone')
  t.same(maskOf(batchOf([second!], 48), 16, 0.3).slice(0, 32), whole, 'with more padding')
  t.notSame(maskOf(batchOf([second!], 32, 1), 16, 0.3), whole, 'at another step')
  t.notSame(maskOf(batchOf([second!], 32), 16, 0.3, 2), whole, 'with another seed')
  t.end()
})

t.test('ONNX Runtime masks as the factors say', async t => {
  const batch = batchOf(ROWS, 32)
  const g = new GraphBuilder()
  const tokens = batch.rows * batch.length
  const asked = g.input('asked', 'int32', ['N'])
  const input = dropoutInputs(g, { method: method(0.4), config, tokens, asked })!
  const x = g.input('x', 'float32', [tokens, 16])
  g.output('first', input.drop(g, x))
  g.output('second', input.drop(g, x))
  const session = await InferenceSession.create(writeOnnx(g.finish('dropout')))
  const ones = new Tensor('float32', new Float32Array(256 * 16).fill(1), [256, 16])
  const feeds = dropoutFeeds({ config, method: method(0.4), seed: 1 }, batch)
  const none = new Tensor('int32', new Int32Array(0), [0])
  const out = await session.run({ x: ones, asked: none, ...feeds })
  await session.release()
  t.same([...(out['first']!.data as Float32Array)], maskOf(batch, 16, 0.4).flat())
  t.notSame([...(out['second']!.data as Float32Array)], [...(out['first']!.data as Float32Array)])
  t.equal(input.scale, 1 / 0.6, 'what is kept makes up for what is not')
})

t.test('tokens that are left in the last layer keep their masks', async t => {
  const batch = batchOf(ROWS, 32)
  const tokens = batch.rows * batch.length
  const g = new GraphBuilder()
  const asked = g.input('asked', 'int32', ['N'])
  const input = dropoutInputs(g, { method: method(0.4), config, tokens, asked })!
  g.output('few', input.drop(g, g.input('x', 'float32', ['N', 16])))
  const session = await InferenceSession.create(writeOnnx(g.finish('dropout')))
  const some = [3, 31, 32, 40]
  const { few } = await session.run({
    x: new Tensor('float32', new Float32Array(some.length * 16).fill(1), [some.length, 16]),
    asked: new Tensor('int32', Int32Array.from(some), [some.length]),
    ...dropoutFeeds({ config, method: method(0.4), seed: 1 }, batch),
  })
  await session.release()
  const mask = maskOf(batch, 16, 0.4)
  t.same(
    [...(few!.data as Float32Array)],
    some.flatMap(token => mask[token]!),
  )
})

t.test('nothing is fed where nothing is dropped', t => {
  t.same(dropoutFeeds({ config, method: method(0), seed: 1 }, batchOf(ROWS, 32)), {})
  t.same(dropoutFeeds({ config, method: { type: 'Full' }, seed: 1 }, batchOf(ROWS, 32)), {})
  t.end()
})
