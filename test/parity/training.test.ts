/** The training engine against recorded PEFT runs. */
import t, { type Test } from 'tap'
import { learningRateAt } from '../../trainer-image/src/optim/schedule.ts'
import type { MicroBatch, TrainingEngine } from '../../trainer-image/src/session/training-engine.ts'
import { relativeError } from '../fixtures/parity/numbers.ts'
import {
  batchOf,
  documentsOf,
  engineOf,
  gradientsOnly,
  RECORDING,
  type RecordedRun,
  runNamed,
  updateOf,
} from '../fixtures/parity/recorded-run.ts'

/** Per step of a whole run: rounding of one step feeds the next. */
const CURVE_TOLERANCE = 1e-4
const GRADIENT_TOLERANCE = 2e-5
/** Adam divides by √v, which enlarges the rounding of the smallest gradients. */
const ADAPTER_TOLERANCE = 1e-4
/** The same sums in another order. */
const ORDER_TOLERANCE = 1e-5

const { length } = RECORDING
const rowsOf = (run: RecordedRun, step: number) => documentsOf(run, step % 2).map(one => [one])
const groups = <T>(list: readonly T[], size: number) =>
  Array.from({ length: Math.ceil(list.length / size) }, (_, i) =>
    list.slice(i * size, (i + 1) * size),
  )
const targetsOf = (batches: readonly MicroBatch[]) =>
  batches.reduce((sum, batch) => sum + batch.targetTokens.length, 0)

const accumulate = async (engine: TrainingEngine, batches: readonly MicroBatch[]) => {
  let lossSum = 0
  for (const batch of batches) lossSum += (await engine.accumulate(batch)).lossSum
  return lossSum
}

/** @returns the loss and the mean gradients of one window */
const gradientsOf = async (engine: TrainingEngine, batches: readonly MicroBatch[]) => {
  const targets = targetsOf(batches)
  const loss = (await accumulate(engine, batches)) / targets
  const { gradientNorm } = await engine.update(gradientsOnly(targets))
  return { loss, gradientNorm, gradients: (await engine.state()).firstMoments }
}

type Window = Awaited<ReturnType<typeof gradientsOf>>
const differenceOf = (a: Window, b: Window) =>
  Math.max(
    relativeError([a.loss], [b.loss]),
    relativeError([a.gradientNorm], [b.gradientNorm]),
    ...[...b.gradients].map(([name, { data }]) => relativeError(a.gradients.get(name)!.data, data)),
  )

for (const [name, microRows] of [
  ['tied', 2],
  ['untied', 4],
] as const)
  t.test(`a run of PEFT's is repeated step by step: ${name}`, async t => {
    const run = runNamed(name)
    const engine = await engineOf(run, t.testdir({}))
    t.teardown(() => engine.close())
    for (const [step, expected] of run.curve.entries()) {
      const schedule = {
        type: 'Cosine' as const,
        learningRate: run.learningRate,
        warmupSteps: run.warmup,
        totalSteps: run.steps,
      }
      const rate = relativeError([learningRateAt(schedule, step)], [expected.learningRate])
      t.ok(rate < 1e-12, `learning rate of step ${step}`)
      const batches = groups(rowsOf(run, step), microRows).map(rows => batchOf(rows, length))
      t.equal(targetsOf(batches), expected.targets)
      const loss = (await accumulate(engine, batches)) / expected.targets
      const update = await engine.update(updateOf(run, step, expected.targets))
      const off = relativeError([loss], [expected.loss])
      t.ok(off <= CURVE_TOLERANCE, `loss of step ${step} (off by ${off})`)
      const norm = relativeError([update.gradientNorm], [expected.gradientNorm])
      t.ok(norm <= CURVE_TOLERANCE, `gradient norm of step ${step} (off by ${norm})`)
    }
    const { parameters } = await engine.state()
    for (const [key, expected] of Object.entries(run.adapterAfter)) {
      const off = relativeError(parameters.get(key)!.data, expected)
      t.ok(off <= ADAPTER_TOLERANCE, `${key} after the run (off by ${off})`)
    }
  })

t.test('gradients of LoRA are equal to PEFT’s', async t => {
  for (const name of ['tied', 'untied']) {
    const run = runNamed(name)
    const engine = await engineOf(run, t.testdir({ [name]: {} }))
    t.teardown(() => engine.close())
    for (const step of [0, 1]) {
      const batch = batchOf(rowsOf(run, step), length)
      await engine.accumulate(batch)
      await engine.update(updateOf(run, step, batch.targetTokens.length))
    }
    const { gradients } = await gradientsOf(engine, [batchOf(rowsOf(run, 2), length)])
    for (const [key, expected] of Object.entries(run.gradientsAtStep2)) {
      const off = relativeError(gradients.get(key)!.data, expected)
      t.ok(off <= GRADIENT_TOLERANCE, `${name}: ${key} (off by ${off})`)
    }
  }
})

/** Adapters whose B is not zero, so that every gradient is alive. */
const warmedUp = async (t: Test, options: Parameters<typeof engineOf>[2] = {}) => {
  const run = runNamed('untied')
  const engine = await engineOf(run, t.testdir({}), options)
  t.teardown(() => engine.close())
  for (const step of [0, 1]) {
    const batch = batchOf(rowsOf(run, step), length)
    await engine.accumulate(batch)
    await engine.update(updateOf(run, step, batch.targetTokens.length))
  }
  return { run, engine }
}

const sixteen = (run: RecordedRun) => [0, 1, 2, 3].flatMap(step => documentsOf(run, step))

t.test('1 x 16, 4 x 4 and 16 x 1 micro-batches give equal losses and gradients', async t => {
  const { run, engine } = await warmedUp(t)
  const rows = sixteen(run).map(document => [document])
  const window = (size: number) =>
    gradientsOf(
      engine,
      groups(rows, size).map(group => batchOf(group, length)),
    )
  const whole = await window(16)
  for (const size of [4, 1]) {
    const off = differenceOf(await window(size), whole)
    t.ok(off <= ORDER_TOLERANCE, `${size} rows at a time (off by ${off})`)
  }
})

t.test('packed documents give the losses and gradients of documents alone', async t => {
  const { run, engine } = await warmedUp(t)
  const documents = sixteen(run)
  const alone = await gradientsOf(
    engine,
    documents.map(document => batchOf([[document]], length)),
  )
  // Rows of 320 tokens reach over two query blocks.
  for (const packedLength of [128, 320]) {
    const rows = groups(documents, packedLength === 128 ? 4 : 8)
    const packed = await gradientsOf(engine, [batchOf(rows, packedLength)])
    const off = differenceOf(packed, alone)
    t.ok(off <= ORDER_TOLERANCE, `rows of ${packedLength} tokens (off by ${off})`)
  }
})

t.test('recomputed layers, all or some, give the same losses and gradients', async t => {
  const plain = await warmedUp(t)
  // Rows of more than 2,048 tokens go in larger blocks.
  const batchesOf = (rowLength: number) =>
    groups(sixteen(plain.run), 8).map(rows => batchOf([rows], rowLength))
  const expected = await gradientsOf(plain.engine, batchesOf(320))
  for (const recompute of [false, true, 1]) {
    const { engine } = await warmedUp(t, { recompute })
    for (const rowLength of [320, 2304]) {
      const off = differenceOf(await gradientsOf(engine, batchesOf(rowLength)), expected)
      t.ok(off <= ORDER_TOLERANCE, `${recompute} at ${rowLength} tokens: off by ${off}`)
    }
  }
})

t.test('evaluation agrees with training’s loss and counts right answers', async t => {
  const { run, engine } = await warmedUp(t)
  const batch = batchOf(rowsOf(run, 3), length)
  const evaluated = await engine.evaluate(batch)
  const { lossSum } = await engine.accumulate(batch)
  t.ok(relativeError([evaluated.lossSum], [lossSum]) <= ORDER_TOLERANCE)
  t.ok(Number.isInteger(evaluated.correct))
  t.ok(evaluated.correct >= 0 && evaluated.correct <= batch.targetTokens.length)
})
