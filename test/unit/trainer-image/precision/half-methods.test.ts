/** Every method in float16 against itself in float32. */
import t, { type Test } from 'tap'
import type { TrainingEngineOptions } from '../../../../trainer-image/src/session/create-training-engine.ts'
import {
  adapterConfigOf,
  batchOf,
  configOf,
  documentsOf,
  engineOf,
  gradientsOnly,
  RECORDING,
  runNamed,
  weightsOf,
} from '../../../fixtures/parity/recorded-run.ts'

/** Length of the difference in lengths of the gradient; 0.007 to 0.010 were measured. */
const TOLERANCE = 2e-2
const LOSS_TOLERANCE = 1e-3
const LOSS_SCALE = 2 ** 8

const run = runNamed('untied')
const batch = {
  ...batchOf(
    documentsOf(run, 1).map(one => [one]),
    RECORDING.length,
  ),
  step: 3,
}
const targets = batch.targetTokens.length
const adapter = { ...adapterConfigOf(run), targetModules: ['all-linear'] }

const wholeWeights = async () => {
  const weights = weightsOf(run)
  const tensors = weights.names.map(async name => {
    const data = await weights.read(name)
    return [name, { shape: weights.shape(name), data }] as const
  })
  return new Map(await Promise.all(tensors))
}

const METHODS: Readonly<Record<string, () => Promise<Partial<TrainingEngineOptions>>>> = {
  'DoRA with dropout': async () => ({
    method: { ...adapter, variant: 'DoRA', dropout: 0.2 },
    start: { seed: 5 },
    seed: 5,
  }),
  QLoRA: async () => ({
    method: adapter,
    quantization: { bits: 4, blockSize: 16 },
    start: { seed: 5 },
  }),
  Full: async () => ({ method: { type: 'Full' }, start: { parameters: await wholeWeights() } }),
}

const open = (t: Test, options: Partial<TrainingEngineOptions>) =>
  engineOf({ ...run, targetModules: ['q_proj'] }, t.testdir({}), {
    config: configOf(run),
    ...options,
  })

/** B begins as zeros, and A has no gradient until it has learned. */
const learned = async (t: Test, options: Partial<TrainingEngineOptions>) => {
  const engine = await open(t, options)
  await engine.accumulate(batch)
  await engine.update({ ...gradientsOnly(targets), learningRate: 1e-2 })
  const { parameters } = await engine.state()
  await engine.close()
  return { ...options, start: { parameters } }
}

const trainedOnce = async (t: Test, options: Partial<TrainingEngineOptions>, lossScale = 1) => {
  const engine = await open(t, options)
  const { lossSum } = await engine.accumulate({ ...batch, lossScale })
  await engine.update({ ...gradientsOnly(targets), lossScale })
  const { firstMoments } = await engine.state()
  const gradients = [...firstMoments.values()].flatMap(({ data }) => [...data])
  await engine.close()
  return { loss: lossSum / targets, gradients }
}

for (const [name, options] of Object.entries(METHODS))
  t.test(name, async t => {
    const start = await learned(t, await options())
    const whole = await trainedOnce(t, start)
    const half = await trainedOnce(t, { ...start, half: 'float16' }, LOSS_SCALE)
    const off = Math.abs(half.loss / whole.loss - 1)
    t.ok(off <= LOSS_TOLERANCE, `loss (off by ${off})`)
    const difference = half.gradients.map((value, i) => value - whole.gradients[i]!)
    const distance = Math.hypot(...difference) / Math.hypot(...whole.gradients)
    t.ok(distance <= TOLERANCE, `gradients (off by ${distance})`)
    t.ok(distance > 1e-5, 'they are rounded')
  })
