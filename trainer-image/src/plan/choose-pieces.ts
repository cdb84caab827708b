/** In which pieces a step is computed, so that it fits into memory and takes the least time. */
import type { ResolvedSpec } from '@attune/crds/resolved-spec.ts'
import { quantityNumber } from '@attune/crds/quantity.ts'
import type { DatasetSummary, PlanMemoryLimit } from '@attune/crds/stage.ts'
import { tuningMethodOf } from '../model/adapter-config.ts'
import type { ModelConfig } from '../model/config.ts'
import { quantizationOf } from '../model/quantization.ts'
import { halfTypeOf } from '../precision/half-type.ts'
import { replicasFor } from '../session/replicas.ts'
import { computedLength } from '../train/micro-batch.ts'
import { estimateMemory } from './estimate-memory.ts'

/** More tokens at once make a CPU no faster; fewer than half of this make it slower. */
const CPU_MICRO_BATCH_TOKENS = 2048
const ACCELERATOR_MICRO_BATCH_TOKENS = 16_384

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

export type ChosenPieces = {
  readonly microBatchSize: number
  readonly recomputedLayers: number
  /** sessions that part the micro-batch's rows */
  readonly replicas: number
}

const powersOfTwo = (largest: number): readonly number[] =>
  Array.from({ length: Math.floor(Math.log2(largest)) + 1 }, (_, index) => 2 ** index).toReversed()

type Pieces = Pick<ChosenPieces, 'microBatchSize' | 'recomputedLayers'>

/** What is computed at once. */
const stepOf = (inputs: PlanInputs, { microBatchSize, recomputedLayers }: Pieces) => {
  const { config, spec } = inputs
  const quantization = quantizationOf(spec.method)
  const half = halfTypeOf(spec.training)
  return {
    config,
    method: tuningMethodOf(spec.method),
    ...(quantization ? { quantization } : {}),
    rows: microBatchSize,
    length: computedLength(spec.training.sequenceLength),
    recompute: recomputedLayers,
    ...(half ? { half } : {}),
    cuda: devicesOf(inputs) > 0,
  }
}

export const memoryOf = (inputs: PlanInputs, { replicas, ...pieces }: ChosenPieces): number =>
  estimateMemory({ ...stepOf(inputs, pieces), replicas })

/** @returns the pieces with as many replicas as may be, and with one */
const withReplicas = (inputs: PlanInputs, pieces: Pieces): readonly ChosenPieces[] => {
  const most = replicasFor({ ...stepOf(inputs, pieces), threads: inputs.cores })
  return [...new Set([most, 1])].map(replicas => ({ ...pieces, replicas }))
}

/** @returns devices that compute; 0 where the CPU does */
export const devicesOf = ({ spec, cuda }: PlanInputs): number =>
  cuda && spec.resources.accelerator ? (spec.resources.accelerator.count ?? 1) : 0

type Memory = { readonly bytes: number; readonly of?: PlanMemoryLimit }

/** Memory that the plan is held to; where nobody says what the accelerator has, the process' own is a guess at it. */
export const memoryFor = (inputs: PlanInputs): Memory => {
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
/** Of the time that one session takes. */
const REPLICAS_TIME = 0.92
const costOf = (
  { config, spec }: PlanInputs,
  { microBatchSize, recomputedLayers, replicas }: ChosenPieces,
): number =>
  (1 + recomputedLayers / (3 * config.layers)) *
  (1 + MICRO_BATCH_TOKENS / (microBatchSize * spec.training.sequenceLength)) *
  (replicas > 1 ? REPLICAS_TIME : 1)

const cheapestFirst = (inputs: PlanInputs, all: readonly ChosenPieces[]): readonly ChosenPieces[] =>
  all.toSorted((a, b) => costOf(inputs, a) - costOf(inputs, b))

/** `Auto` tries every size without recomputing first, then the cheapest of those that fit with it. */
export const choosePieces = (inputs: PlanInputs): ChosenPieces => {
  const { layers } = inputs.config
  const { gradientCheckpointing } = inputs.spec.training
  const sizes = sizesToTry(inputs)
  const { bytes } = memoryFor(inputs)
  const fits = (pieces: ChosenPieces) => memoryOf(inputs, pieces) <= USABLE_SHARE * bytes
  const of = (recomputedLayers: number) =>
    sizes.flatMap(microBatchSize => withReplicas(inputs, { microBatchSize, recomputedLayers }))
  const whole = cheapestFirst(inputs, of(gradientCheckpointing === 'Enabled' ? layers : 0))
  const fitting = whole.find(fits)
  if (fitting) return fitting
  const least = { microBatchSize: sizes.at(-1)!, recomputedLayers: layers, replicas: 1 }
  if (gradientCheckpointing !== 'Auto')
    return { ...least, recomputedLayers: whole[0]!.recomputedLayers }
  const recomputing = of(0).flatMap((pieces): readonly ChosenPieces[] => {
    const recomputedLayers = layersToRecompute(layers, count =>
      fits({ ...pieces, recomputedLayers: count }),
    )
    // with one replica it takes no more
    if (recomputedLayers === undefined || (recomputedLayers === layers && pieces.replicas > 1))
      return []
    return [{ ...pieces, recomputedLayers }]
  })
  return cheapestFirst(inputs, recomputing)[0] ?? least
}
