/** What a training run will take, and in which pieces it is computed: pure arithmetic over model, data and spec. */
import type { ResolvedSpec } from '@attune/crds/resolved-spec.ts'
import { quantityNumber } from '@attune/crds/quantity.ts'
import type { DatasetSummary, Plan, PlanMemoryLimit } from '@attune/crds/stage.ts'
import { isFull, type TuningMethod } from '../model/adapter.ts'
import { tuningMethodOf } from '../model/adapter-config.ts'
import type { ModelConfig } from '../model/config.ts'
import { quantizationOf } from '../model/quantization.ts'
import { halfTypeOf } from '../precision/half-type.ts'
import { replicasFor } from '../session/replicas.ts'
import { computedLength } from '../train/micro-batch.ts'
import { lastStep } from '../train/steps.ts'
import { estimateMemory, modelParameters, trainableParameters } from './estimate-memory.ts'

/** More tokens at once make a CPU no faster; fewer than half of this make it slower. */
const CPU_MICRO_BATCH_TOKENS = 2048
const ACCELERATOR_MICRO_BATCH_TOKENS = 16_384
/** Sustained, measured on a core with AVX-512 at shapes of a 135M model. */
const CPU_CORE_FLOPS = 110e9
/** A third of the float32 rate of a data-centre GPU with tensor cores. */
const ACCELERATOR_FLOPS = 25e12

export type PlanInputs = {
  readonly config: ModelConfig
  readonly spec: ResolvedSpec
  readonly dataset: Pick<DatasetSummary, 'rows' | 'trainTokens' | 'responseTokens'>
  /** of the process */
  readonly memoryLimitBytes: number
  /** whether the accelerator that the spec asks for computes; an image without its kernels uses the CPU all the same */
  readonly cuda: boolean
  /** CPU cores that training may use */
  readonly cores: number
}

/** Of the limit; the rest is for what the estimate leaves out. */
const USABLE_SHARE = 0.9

type StepInputs = Pick<PlanInputs, 'config' | 'spec' | 'cuda' | 'cores'>

type Pieces = { readonly microBatchSize: number; readonly recomputedLayers: number }

const powersOfTwo = (largest: number): readonly number[] =>
  Array.from({ length: Math.floor(Math.log2(largest)) + 1 }, (_, index) => 2 ** index).toReversed()

/** What is computed at once. */
const stepOf = ({ config, spec, ...inputs }: StepInputs, pieces: Pieces) => {
  const quantization = quantizationOf(spec.method)
  const half = halfTypeOf(spec.training)
  return {
    config,
    method: tuningMethodOf(spec.method),
    ...(quantization ? { quantization } : {}),
    rows: pieces.microBatchSize,
    length: computedLength(spec.training.sequenceLength),
    recompute: pieces.recomputedLayers,
    ...(half ? { half } : {}),
    cuda: devicesOf({ spec, ...inputs }) > 0,
  }
}

/** @returns sessions that part such a micro-batch's rows */
export const plannedReplicas = (inputs: StepInputs, pieces: Pieces): number =>
  replicasFor({ ...stepOf(inputs, pieces), threads: inputs.cores })

const memoryOf = (inputs: StepInputs, pieces: Pieces): number =>
  estimateMemory({ ...stepOf(inputs, pieces), replicas: plannedReplicas(inputs, pieces) })

/** @returns devices that compute; 0 where the CPU does */
const devicesOf = ({ spec, cuda }: Pick<PlanInputs, 'spec' | 'cuda'>): number =>
  cuda && spec.resources.accelerator ? (spec.resources.accelerator.count ?? 1) : 0

type Memory = { readonly bytes: number; readonly of?: PlanMemoryLimit }

/** Memory that the plan is held to; where nobody says what the accelerator has, the process' own is a guess at it. */
const memoryFor = (inputs: PlanInputs): Memory => {
  const { spec, memoryLimitBytes } = inputs
  if (devicesOf(inputs) === 0) return { bytes: memoryLimitBytes, of: 'Container' }
  const memory = spec.resources.accelerator?.memory
  return memory === undefined
    ? { bytes: memoryLimitBytes }
    : { bytes: quantityNumber(memory), of: 'Accelerator' }
}

/** Micro-batch sizes to try, the best first. */
const sizesToTry = (inputs: PlanInputs): readonly number[] => {
  const { spec, dataset } = inputs
  const { microBatchSize, batchSize, sequenceLength } = spec.training
  const rows = Math.max(1, Math.min(batchSize, dataset.rows))
  if (microBatchSize !== 'Auto') return [Math.min(microBatchSize, rows)]
  const tokens = devicesOf(inputs) > 0 ? ACCELERATOR_MICRO_BATCH_TOKENS : CPU_MICRO_BATCH_TOKENS
  return powersOfTwo(Math.max(1, Math.min(rows, Math.floor(tokens / sequenceLength))))
}

/** @returns the least number of layers to recompute with which so many rows fit; undefined where all are too few */
const layersToRecompute = (
  layers: number,
  fits: (recomputedLayers: number) => boolean,
): number | undefined => {
  if (!fits(layers)) return undefined
  let [low, high] = [0, layers]
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (fits(middle)) high = middle
    else low = middle + 1
  }
  return high
}

/** Recomputing every layer costs a third more time; each micro-batch about as much as so many tokens more. */
const MICRO_BATCH_TOKENS = 64
const costOf = ({ config, spec }: PlanInputs, pieces: Pieces): number =>
  (1 + pieces.recomputedLayers / (3 * config.layers)) *
  (1 + MICRO_BATCH_TOKENS / (pieces.microBatchSize * spec.training.sequenceLength))

/** `Auto` tries every size without recomputing first, then the cheapest of those that fit with it. */
const choose = (inputs: PlanInputs): Pieces => {
  const { layers } = inputs.config
  const { gradientCheckpointing } = inputs.spec.training
  const sizes = sizesToTry(inputs)
  const { bytes } = memoryFor(inputs)
  const fits = (pieces: Pieces) => memoryOf(inputs, pieces) <= USABLE_SHARE * bytes
  const fixed = gradientCheckpointing === 'Enabled' ? layers : 0
  const whole = sizes.map(microBatchSize => ({ microBatchSize, recomputedLayers: fixed }))
  const fitting = whole.find(fits)
  if (fitting || gradientCheckpointing !== 'Auto') return fitting ?? whole.at(-1)!
  const recomputing = sizes.flatMap((microBatchSize): readonly Pieces[] => {
    const recomputedLayers = layersToRecompute(layers, count =>
      fits({ microBatchSize, recomputedLayers: count }),
    )
    return recomputedLayers === undefined ? [] : [{ microBatchSize, recomputedLayers }]
  })
  const [cheapest] = recomputing.toSorted((a, b) => costOf(inputs, a) - costOf(inputs, b))
  return cheapest ?? { microBatchSize: sizes.at(-1)!, recomputedLayers: layers }
}

/**
 * FLOP of one pass over the data. Per token and weight: 2 forward and 2 backward, and 2 more for the gradient of a
 * weight that is trained; 2 more in layers that are recomputed. The output head sees only the tokens that are learned;
 * where it is trained, its logits are computed twice.
 */
const epochFlops = (inputs: PlanInputs, method: TuningMethod, recomputed: number): number => {
  const { config, dataset } = inputs
  const head = config.vocabSize * config.hiddenSize
  const embeddings = config.tieWordEmbeddings ? head : 2 * head
  const body = modelParameters(config) - embeddings
  const again = (2 * recomputed) / config.layers
  if (isFull(method))
    return dataset.trainTokens * (6 + again) * body + dataset.responseTokens * 8 * head
  const trained = trainableParameters(config, method)
  return (
    dataset.trainTokens * ((4 + again) * body + 6 * trained) + dataset.responseTokens * 4 * head
  )
}

export const makePlan = (inputs: PlanInputs): Plan => {
  const { config, spec, dataset, cores } = inputs
  const { batchSize } = spec.training
  const method = tuningMethodOf(spec.method)
  const pieces = choose(inputs)
  const steps = lastStep({ rows: dataset.rows, batchSize }, spec.training)
  const epochs = steps / Math.ceil(dataset.rows / batchSize)
  const devices = devicesOf(inputs)
  const rate = devices > 0 ? ACCELERATOR_FLOPS * devices : CPU_CORE_FLOPS * cores
  const limit = memoryFor(inputs)
  const estimatedMemoryBytes = memoryOf(inputs, pieces)
  return {
    modelParameters: modelParameters(config),
    trainableParameters: trainableParameters(config, method),
    totalSteps: steps,
    tokensPerStep: Math.round(
      (dataset.trainTokens / dataset.rows) * Math.min(batchSize, dataset.rows),
    ),
    ...pieces,
    recompute: pieces.recomputedLayers > 0,
    estimatedMemoryBytes: Math.round(estimatedMemoryBytes),
    estimatedSeconds: Math.ceil(
      (epochs * epochFlops(inputs, method, pieces.recomputedLayers)) / rate,
    ),
    ...(limit.of ? { fits: estimatedMemoryBytes <= limit.bytes, memoryLimit: limit.of } : {}),
  }
}
