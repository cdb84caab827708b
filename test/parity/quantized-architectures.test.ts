/** QLoRA of every architecture is LoRA on the rounded weights. */
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { roundedWeights } from '../../trainer-image/src/model/quantization.ts'
import { readModelConfig } from '../../trainer-image/src/model/read-config.ts'
import {
  createTrainingEngine,
  type TrainingEngineOptions,
} from '../../trainer-image/src/session/create-training-engine.ts'
import { openWeights } from '../../trainer-image/src/weights/open-weights.ts'
import { relativeError } from '../fixtures/parity/numbers.ts'
import {
  adapterConfigOf,
  MODELS,
  packed,
  type RecordedModel,
  writeModel,
} from '../fixtures/parity/recorded-architecture.ts'

/** The same products in other kernels, three updates one after the other. */
const TOLERANCE = 2e-5
const QUANTIZATION = { bits: 4, blockSize: 16 } as const

type Choice = Pick<TrainingEngineOptions, 'config' | 'weights' | 'method' | 'quantization'>

const curveOf = async (t: Test, folder: string, model: RecordedModel, choice: Choice) => {
  const engine = await createTrainingEngine({
    ...choice,
    start: { seed: 3 },
    recompute: false,
    scratchFolder: folder,
    threads: 1,
  })
  t.teardown(() => engine.close())
  const batch = packed(model)
  const targets = batch.targetTokens.length
  const curve: number[] = []
  for (const step of [1, 2, 3]) {
    const { lossSum } = await engine.accumulate(batch)
    const { gradientNorm } = await engine.update({
      learningRate: 0.01,
      step,
      targets,
      maxGradientNorm: 1,
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
      weightDecay: 0,
    })
    curve.push(lossSum / targets, gradientNorm)
  }
  return curve
}

/** The recorded models' layers are 40 wide, which no block divides; their widths are the only ones of 40 and 80. */
const widened = (model: RecordedModel): RecordedModel => {
  const wider = (size: number) => (size === 40 || size === 80 ? (size / 40) * 48 : size)
  const tensors = Object.entries(model.tensors).map(([name, shape]) => [name, shape.map(wider)])
  return {
    ...model,
    config: { ...model.config, intermediate_size: 48 },
    tensors: Object.fromEntries(tensors),
  }
}

const compare = async (t: Test, recorded: RecordedModel, variant: 'Standard' | 'DoRA') => {
  const model = widened(recorded)
  const folder = t.testdir({})
  const modelFolder = await writeModel(join(folder, 'model'), model)
  const config = await readModelConfig(modelFolder)
  const weights = await openWeights(modelFolder)
  t.teardown(() => weights.close())
  const method = { ...adapterConfigOf(model), variant }
  const few = { config, weights, method, quantization: QUANTIZATION }
  const rounded = { config, method, weights: roundedWeights(weights, config, QUANTIZATION) }
  const off = relativeError(
    await curveOf(t, join(folder, 'few'), model, few),
    await curveOf(t, join(folder, 'rounded'), model, rounded),
  )
  t.ok(off <= TOLERANCE, `losses and gradient norms (off by ${off})`)
}

/** The others have the linear layers of one of these. */
const DIFFERENT = ['llama', 'qwen2', 'qwen3', 'gemma3', 'phi3', 'decilm']
for (const model of MODELS.cases.filter(({ name }) => DIFFERENT.includes(name)))
  t.test(model.name, t => compare(t, model, 'Standard'))

t.test('DoRA starts from the lengths of the rounded rows', t =>
  compare(t, MODELS.cases[0]!, 'DoRA'),
)
