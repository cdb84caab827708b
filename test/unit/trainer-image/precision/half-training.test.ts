/** Training in float16 on the CPU, where ONNX Runtime computes its operators by way of float32 and rounds what they give. */
import t, { type Test } from 'tap'
import type { TrainingEngineOptions } from '../../../../trainer-image/src/session/create-training-engine.ts'
import type { TrainingEngine } from '../../../../trainer-image/src/session/training-engine.ts'
import { relativeError } from '../../../fixtures/parity/numbers.ts'
import {
  batchOf,
  documentsOf,
  engineOf,
  gradientsOnly,
  RECORDING,
  runNamed,
} from '../../../fixtures/parity/recorded-run.ts'

/**
 * Rounding to float16 is off by up to 2^-12. Of a gradient's value some dozens in a row are rounded, up to the largest
 * of its tensor (0.5 % was measured); a loss is the mean of many (0.02 %).
 */
const GRADIENT_TOLERANCE = 1e-2
const LOSS_TOLERANCE = 1e-3
const STEPS = 20
const SCALE = 2 ** 10

const run = runNamed('tied')
const batchAt = (step: number) =>
  batchOf(
    documentsOf(run, step % 4).map(one => [one]),
    RECORDING.length,
  )

const open = async (t: Test, name: string, options: Partial<TrainingEngineOptions>) => {
  const engine = await engineOf(run, `${t.testdirName}-${name}`, options)
  t.teardown(() => engine.close())
  return engine
}

const FP16 = { half: 'float16' } as const

const scaledBy = (lossScale: number | undefined) => (lossScale === undefined ? {} : { lossScale })

/** @returns loss before each step */
const trainFor = async (engine: TrainingEngine, from: number, to: number, lossScale?: number) => {
  const losses: number[] = []
  const scaled = scaledBy(lossScale)
  for (let step = from; step < to; step++) {
    const batch = batchAt(step)
    const targets = batch.targetTokens.length
    losses.push((await engine.accumulate({ ...batch, ...scaled })).lossSum / targets)
    const update = { ...gradientsOnly(targets), step: step + 1, learningRate: 1e-3, beta1: 0.9 }
    await engine.update({ ...update, maxGradientNorm: 1, ...scaled })
  }
  return losses
}

t.test('losses follow those of float32, and a resume goes on with the same bits', async t => {
  t.testdir()
  const whole = await trainFor(await open(t, 'whole', {}), 0, STEPS)
  const engine = await open(t, 'half', FP16)
  const half = await trainFor(engine, 0, STEPS, SCALE)
  t.notSame(half, whole)
  t.ok(whole.at(-1)! < whole[3]!, 'it learns')
  const worst = Math.max(...half.map((loss, i) => Math.abs(loss - whole[i]!) / whole[i]!))
  t.ok(worst <= LOSS_TOLERANCE, `largest relative difference ${worst}`)
  const resumed = await open(t, 'resumed', { ...FP16, start: { state: await engine.state() } })
  for (const each of [engine, resumed]) await trainFor(each, STEPS, STEPS + 2, SCALE)
  t.strictSame(await resumed.state(), await engine.state())
})

/** Parameters stay as they are. */
const gradientsOf = async (engine: TrainingEngine, lossScale?: number) => {
  const batch = batchAt(1)
  await engine.accumulate({ ...batch, ...scaledBy(lossScale) })
  await engine.update({ ...gradientsOnly(batch.targetTokens.length), ...scaledBy(lossScale) })
  return [...(await engine.state()).firstMoments.values()].flatMap(({ data }) => [...data])
}

t.test('gradients are those of float32 wherever the scaled ones fit', async t => {
  t.testdir()
  // of an adapter that has learned something, so that A has gradients too
  const single = await open(t, 'single', {})
  await trainFor(single, 0, 4)
  const start = { start: { parameters: (await single.state()).parameters } }
  const whole = await gradientsOf(single)
  const engine = await open(t, 'half', { ...start, ...FP16 })
  const errorAt = async (scale: number) => relativeError(await gradientsOf(engine, scale), whole)
  for (const scale of [2 ** 4, SCALE]) {
    const error = await errorAt(scale)
    t.ok(error <= GRADIENT_TOLERANCE, `at ${scale}: ${error}`)
  }
  t.notOk((await errorAt(2 ** -20)) <= GRADIENT_TOLERANCE, 'too small a scale loses them')
  const again = await open(t, 'again', { ...start, ...FP16, recompute: true })
  const error = relativeError(await gradientsOf(again, SCALE), whole)
  t.ok(error <= GRADIENT_TOLERANCE, `recomputed: ${error}`)

  const batch = batchAt(0)
  const before = await engine.state()
  const lossScale = 2 ** 40
  const { lossSum } = await engine.accumulate({ ...batch, lossScale })
  t.ok(Number.isFinite(lossSum), 'the loss itself is not scaled')
  const update = { ...gradientsOnly(batch.targetTokens.length), learningRate: 1, lossScale }
  t.notOk(Number.isFinite((await engine.update(update)).gradientNorm), 'too large a scale is told')
  t.strictSame(await engine.state(), before, 'and changes nothing')
  const evaluated = await engine.evaluate(batch)
  t.ok(relativeError([evaluated.lossSum], [lossSum]) <= 1e-6, 'evaluation computes alike')
})
