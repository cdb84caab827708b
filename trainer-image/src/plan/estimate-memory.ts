/**
 * Peak memory of a training step, from the shapes. B rows, T tokens a row, M = B·T; C hidden, I intermediate, H heads.
 * Counted are the float32 values that the graph holds for the backward pass. Meant to be a little too high.
 */
import { keepsProbabilities, queryBlocks } from '../autodiff/composites/attention.ts'
import { vocabularyRanges } from '../autodiff/composites/cross-entropy.ts'
import type { AdapterConfig } from '../model/adapter.ts'
import type { ModelConfig } from '../model/config.ts'
import { weightShapes } from '../model/linear-layers.ts'
import { parameterCount, parameterSlots } from '../model/trainable.ts'

const FLOAT_BYTES = 4
/** Node, ONNX Runtime and its kernels' own buffers, before any tensor. */
const PROCESS_BYTES = 256 * 2 ** 20
/** Logits, probabilities, and the exponentials between them. */
const LOGIT_BUFFERS = 3
/** Attention's probabilities of one layer, which is all that exist at once, their gradients, and what falls between. */
const PROBABILITY_BUFFERS = 5
/** Parameters, two moments, the gradient's sums, and those of the step at hand. */
const PARAMETER_COPIES = 6

export type StepShape = {
  readonly config: ModelConfig
  readonly adapter: AdapterConfig
  readonly rows: number
  readonly length: number
  readonly recompute: boolean
}

const size = (shape: readonly number[]) => shape.reduce((product, length) => product * length, 1)

export const modelParameters = (config: ModelConfig): number =>
  weightShapes(config).reduce((sum, { shape }) => sum + size(shape), 0)

export const trainableParameters = (config: ModelConfig, adapter: AdapterConfig): number =>
  parameterCount(parameterSlots(config, adapter))

/** Keys that a query sees, on average over the blocks of a row. */
const meanKeys = (length: number): number =>
  queryBlocks(length).reduce((sum, { start, end }) => sum + (end - start) * end, 0) / length

/** Values held per token and layer: the inputs of every operator whose gradient needs them, less those made again. */
const layerFloats = (config: ModelConfig, adapter: AdapterConfig): number => {
  const { hiddenSize: c, intermediateSize: i, heads, headDim } = config
  const kv = Math.max(...config.kvHeads) * headDim
  const q = heads * headDim
  // the inputs of both norms, the residuals, queries, and the output of attention in both layouts
  const hidden = 4 * c + 3 * q
  const gateAndUp = 2 * i
  return hidden + gateAndUp + 2 * kv + adapter.targetModules.length * adapter.rank
}

export const estimateMemory = (shape: StepShape): number => {
  const { config, adapter, rows, length, recompute } = shape
  const tokens = rows * length
  const layer = tokens * layerFloats(config, adapter)
  // with recomputation a layer keeps its input alone, and one layer is whole at a time
  const layers = recompute
    ? tokens * config.hiddenSize * config.layers + 2 * layer
    : layer * config.layers
  const kept = keepsProbabilities(length) && !recompute ? config.layers : 0
  const probabilities = tokens * config.heads * meanKeys(length) * (PROBABILITY_BUFFERS + kept)
  const [block] = vocabularyRanges(config.vocabSize, tokens)
  const logits = tokens * (block!.end - block!.start) * LOGIT_BUFFERS
  const floats =
    modelParameters(config) +
    PARAMETER_COPIES * trainableParameters(config, adapter) +
    layers +
    probabilities +
    logits
  return PROCESS_BYTES + FLOAT_BYTES * floats
}
