/** What a training run will take, and in which pieces it is computed: pure arithmetic over model, data and spec. */
import type { ResolvedSpec } from '@attune/crds/resolved-spec.ts'
import type { DatasetSummary, Plan } from '@attune/crds/stage.ts'
import type { AdapterConfig } from '../model/adapter.ts'
import { adapterConfigOf } from '../model/adapter-config.ts'
import type { ModelConfig } from '../model/config.ts'
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
  readonly memoryLimitBytes: number
  /** whether the accelerator that the spec asks for computes; an image without its kernels uses the CPU all the same */
  readonly cuda: boolean
  /** CPU cores that training may use */
  readonly cores: number
}

type Pieces = { readonly microBatchSize: number; readonly recompute: boolean }

const powersOfTwo = (largest: number): readonly number[] =>
  Array.from({ length: Math.floor(Math.log2(largest)) + 1 }, (_, index) => 2 ** index).toReversed()

const memoryOf = (inputs: PlanInputs, adapter: AdapterConfig, pieces: Pieces): number =>
  estimateMemory({
    config: inputs.config,
    adapter,
    rows: pieces.microBatchSize,
    length: inputs.spec.training.sequenceLength,
    recompute: pieces.recompute,
  })

/** @returns devices that compute; 0 where the CPU does */
const devicesOf = ({ spec, cuda }: PlanInputs): number =>
  cuda && spec.resources.accelerator ? (spec.resources.accelerator.count ?? 1) : 0

/** Micro-batch sizes to try, the best first. */
const sizesToTry = (inputs: PlanInputs): readonly number[] => {
  const { spec, dataset } = inputs
  const { microBatchSize, batchSize, sequenceLength } = spec.training
  const rows = Math.max(1, Math.min(batchSize, dataset.rows))
  if (microBatchSize !== 'Auto') return [Math.min(microBatchSize, rows)]
  const tokens = devicesOf(inputs) > 0 ? ACCELERATOR_MICRO_BATCH_TOKENS : CPU_MICRO_BATCH_TOKENS
  return powersOfTwo(Math.max(1, Math.min(rows, Math.floor(tokens / sequenceLength))))
}

/** Recomputing costs a third more time, so `Auto` tries every size without it first. */
const recomputeToTry = ({ spec }: PlanInputs): readonly boolean[] => {
  const { gradientCheckpointing } = spec.training
  return gradientCheckpointing === 'Auto' ? [false, true] : [gradientCheckpointing === 'Enabled']
}

const choose = (inputs: PlanInputs, adapter: AdapterConfig): Pieces => {
  const sizes = sizesToTry(inputs)
  const choices = recomputeToTry(inputs).flatMap(recompute =>
    sizes.map(microBatchSize => ({ microBatchSize, recompute })),
  )
  const fitting = choices.find(
    pieces => memoryOf(inputs, adapter, pieces) <= inputs.memoryLimitBytes,
  )
  return fitting ?? choices.at(-1)!
}

/**
 * FLOP of one pass over the data. Per token and weight: 2 forward and 2 backward, since frozen weights get no gradient;
 * 2 more where activations are recomputed. The output head sees only the tokens that are learned.
 */
const epochFlops = (inputs: PlanInputs, adapter: AdapterConfig, recompute: boolean): number => {
  const { config, dataset } = inputs
  const head = config.vocabSize * config.hiddenSize
  const embeddings = config.tieWordEmbeddings ? head : 2 * head
  const body = modelParameters(config) - embeddings
  const trained = trainableParameters(config, adapter)
  return (
    dataset.trainTokens * ((recompute ? 6 : 4) * body + 6 * trained) +
    dataset.responseTokens * 4 * head
  )
}

export const makePlan = (inputs: PlanInputs): Plan => {
  const { config, spec, dataset, memoryLimitBytes, cores } = inputs
  const { batchSize } = spec.training
  const adapter = adapterConfigOf(spec.method)
  const pieces = choose(inputs, adapter)
  const steps = lastStep({ rows: dataset.rows, batchSize }, spec.training)
  const epochs = steps / Math.ceil(dataset.rows / batchSize)
  const devices = devicesOf(inputs)
  const rate = devices > 0 ? ACCELERATOR_FLOPS * devices : CPU_CORE_FLOPS * cores
  const estimatedMemoryBytes = memoryOf(inputs, adapter, pieces)
  return {
    modelParameters: modelParameters(config),
    trainableParameters: trainableParameters(config, adapter),
    totalSteps: steps,
    tokensPerStep: Math.round(
      (dataset.trainTokens / dataset.rows) * Math.min(batchSize, dataset.rows),
    ),
    ...pieces,
    estimatedMemoryBytes: Math.round(estimatedMemoryBytes),
    estimatedSeconds: Math.ceil((epochs * epochFlops(inputs, adapter, pieces.recompute)) / rate),
    fits: estimatedMemoryBytes <= memoryLimitBytes,
  }
}
