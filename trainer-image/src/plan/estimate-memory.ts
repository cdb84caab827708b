/** Peak memory of a training process, by going through the graph that it runs. */
import { mostKeys } from '../autodiff/composites/keys-dimension.ts'
import { isFull, type TuningMethod } from '../model/adapter.ts'
import type { ModelConfig } from '../model/config.ts'
import { weightShapes } from '../model/linear-layers.ts'
import { parameterCount, parameterSlots } from '../model/trainable.ts'
import type { HalfType } from '../precision/half-type.ts'
import { type Recompute, trainProgram } from '../session/programs.ts'
import { isAdded } from '../session/trained-values.ts'
import { layOut, readWhole, type StoredWeight, storedBytes } from '../session/weights-file.ts'
import type { Quantization } from '../weights/quantize-blocks.ts'
import { peakBytes } from './peak-bytes.ts'

const FLOAT_BYTES = 4
/** Node and ONNX Runtime, before any graph. */
const PROCESS_BYTES = 160e6
/** A node of the graph in ONNX Runtime, and what lies unused between tensors, which also grows with the number of nodes. */
const NODE_BYTES = 10e3
/** Parameters and two moments. */
const PARAMETER_COPIES = 3
/** Freed memory of one size is not always good for the next: measured against what the values hold. */
const HEAP_SHARE = 1.03
/**
 * What lies unused for each layer that attends in a loop, in hidden states: 0.5 measured with glibc 2.41 and 2.2 with 2.36,
 * which before 2.38 finds less of what was freed.
 */
const LOOP_HOLES = 1.3

export type StepShape = {
  readonly config: ModelConfig
  readonly method: TuningMethod
  readonly quantization?: Quantization
  readonly rows: number
  readonly length: number
  readonly recompute: Recompute
  readonly half?: HalfType
  /** whether an accelerator computes, which runs another graph of attention */
  readonly cuda?: boolean
  /** that part the rows evenly; 1 if absent */
  readonly replicas?: number
}

/** Of the embedding table and of the output head, which are fed. */
const TOKEN_ROWS = 2

const size = (shape: readonly number[]) => shape.reduce((product, length) => product * length, 1)

export const modelParameters = (config: ModelConfig): number =>
  weightShapes(config).reduce((sum, { shape }) => sum + size(shape), 0)

export const trainableParameters = (config: ModelConfig, method: TuningMethod): number =>
  parameterCount(parameterSlots(config, method))

/** What a replica has for itself: its session, its values, and the gradients' sums, which micro-batches are added to in place. */
const replicaBytes = (
  shape: Omit<StepShape, 'quantization'>,
  weights: readonly StoredWeight[],
): number => {
  const { config, method, rows, length } = shape
  const sizes = (name: string) => (name === 'N' ? rows * length : mostKeys(name))
  const graph = trainProgram({ ...shape, weights })
  const values = peakBytes(graph, sizes, isAdded)
  const hidden = FLOAT_BYTES * rows * length * config.hiddenSize
  const loops = graph.nodes.some(({ operator }) => operator === 'Loop')
  const holes = loops ? LOOP_HOLES * config.layers * hidden : 0
  const tokenRows = isFull(method) ? 0 : TOKEN_ROWS * hidden
  const sums = FLOAT_BYTES * trainableParameters(config, method)
  return NODE_BYTES * graph.nodes.length + HEAP_SHARE * values + holes + tokenRows + sums
}

export const estimateMemory = ({ quantization, replicas = 1, ...shape }: StepShape): number => {
  const { config, method, rows, half } = shape
  const weights = isFull(method) ? [] : layOut(config, quantization, half)
  const state = PARAMETER_COPIES * FLOAT_BYTES * trainableParameters(config, method)
  return (
    PROCESS_BYTES +
    storedBytes(readWhole(weights, config)) +
    state +
    replicas * replicaBytes({ ...shape, rows: rows / replicas }, weights)
  )
}
