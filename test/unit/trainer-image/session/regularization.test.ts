/** Noise on the embeddings and smoothed labels, in the engine. */
import t, { type Test } from 'tap'
import type { TrainingEngineOptions } from '../../../../trainer-image/src/session/create-training-engine.ts'
import { embeddingNoise } from '../../../../trainer-image/src/session/embedding-noise.ts'
import type { MicroBatch } from '../../../../trainer-image/src/session/training-engine.ts'
import { relativeError } from '../../../fixtures/parity/numbers.ts'
import {
  batchOf,
  type Document,
  documentsOf,
  engineOf,
  gradientsOnly,
  RECORDING,
  runNamed,
  weightsOf,
} from '../../../fixtures/parity/recorded-run.ts'

/** The same sums in another order. */
const TOLERANCE = 1e-5
const NOISE = { noiseBound: 0.25, seed: 9 }
const WIDTH = 32

const run = runNamed('untied')
const { length } = RECORDING
const documents = [0, 1, 2, 3].flatMap(step => documentsOf(run, step))

const open = async (t: Test, name: string, options: Partial<TrainingEngineOptions>) => {
  const engine = await engineOf(run, `${t.testdirName}-${name}`, options)
  t.teardown(() => engine.close())
  return engine
}

const gradientsOf = async (
  engine: Awaited<ReturnType<typeof open>>,
  batches: readonly MicroBatch[],
) => {
  const targets = batches.reduce((sum, batch) => sum + batch.targetTokens.length, 0)
  let lossSum = 0
  for (const batch of batches) lossSum += (await engine.accumulate({ ...batch, step: 4 })).lossSum
  await engine.update(gradientsOnly(targets))
  const { firstMoments } = await engine.state()
  return [lossSum / targets, ...[...firstMoments.values()].flatMap(({ data }) => [...data])]
}

t.test('noise does not depend on micro-batches and packing', async t => {
  t.testdir()
  const engine = await open(t, 'noise', NOISE)
  const rows = documents.map(document => [document])
  const alone = await gradientsOf(
    engine,
    rows.map(row => batchOf([row], length)),
  )
  const together = await gradientsOf(engine, [batchOf(rows, length)])
  const packed = await gradientsOf(engine, [batchOf([documents], 512)])
  t.ok(relativeError(together, alone) <= TOLERANCE, 'all rows at once')
  t.ok(relativeError(packed, alone) <= TOLERANCE, 'all documents in a row')
  const plain = await open(t, 'plain', {})
  t.notOk(relativeError(await gradientsOf(plain, [batchOf(rows, length)]), alone) <= 1e-2)
})

/** Its tokens are all different, so that a row of the table is a place in the document. */
const distinct: Document = {
  tokens: Int32Array.from({ length: 30 }, (_, i) => i + 3),
  promptLength: 9,
}

t.test('it is what is added to the embeddings, and to nothing else', async t => {
  t.testdir()
  const batch = { ...batchOf([[distinct]], length), step: 2 }
  const source = { seed: NOISE.seed, bound: NOISE.noiseBound, hiddenSize: WIDTH }
  const noise = embeddingNoise(source, batch)
  const weights = weightsOf(run)
  const shifted = {
    ...weights,
    read: async (name: string) => {
      const data = await weights.read(name)
      if (name !== 'model.embed_tokens.weight') return data
      return data.map((value, i) => {
        const place = distinct.tokens.indexOf(Math.floor(i / WIDTH))
        return place < 0 ? value : value + (noise[place * WIDTH + (i % WIDTH)] ?? 0)
      })
    },
  }
  const noisy = await open(t, 'noisy', NOISE)
  const moved = await open(t, 'moved', { weights: shifted })
  const plain = await open(t, 'plain', {})
  const { lossSum } = await moved.accumulate(batch)
  t.ok(relativeError([(await noisy.accumulate(batch)).lossSum], [lossSum]) <= TOLERANCE)
  const evaluated = await noisy.evaluate(batch)
  t.equal(evaluated.lossSum, (await plain.evaluate(batch)).lossSum, 'evaluation has none')
})

t.test('smoothed labels cost more, and evaluation measures the plain loss', async t => {
  t.testdir()
  const batch = batchOf([[distinct]], length)
  const [smooth, plain] = [await open(t, 's', { labelSmoothing: 0.2 }), await open(t, 'p', {})]
  const { lossSum } = await plain.accumulate(batch)
  t.not((await smooth.accumulate(batch)).lossSum, lossSum)
  t.equal((await smooth.evaluate(batch)).lossSum, (await plain.evaluate(batch)).lossSum)
})

t.test('gradients that are not finite change nothing', async t => {
  t.testdir()
  const engine = await open(t, 'engine', {})
  const batch = batchOf([[distinct]], length)
  await engine.accumulate(batch)
  const before = await engine.state()
  const { gradientNorm } = await engine.update({ ...gradientsOnly(0), learningRate: 1 })
  t.notOk(Number.isFinite(gradientNorm))
  t.strictSame(await engine.state(), before)
  const after = await gradientsOf(engine, [batch])
  const fresh = await open(t, 'fresh', {})
  t.strictSame(after, await gradientsOf(fresh, [batch]), 'nor are they in the sums any more')
})
