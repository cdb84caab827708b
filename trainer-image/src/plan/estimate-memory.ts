/** Peak memory of a training process, by going through the graph that it runs. */
import { mostKeys } from '../autodiff/composites/attention.ts'
import { isFull, type TuningMethod } from '../model/adapter.ts'
import type { ModelConfig } from '../model/config.ts'
import { weightShapes } from '../model/linear-layers.ts'
import { parameterCount, parameterSlots } from '../model/trainable.ts'
import type { HalfType } from '../precision/half-type.ts'
import { type Recompute, trainProgram } from '../session/programs.ts'
import { layOut, storedBytes } from '../session/weights-file.ts'
import type { Quantization } from '../weights/quantize-blocks.ts'
import { peakBytes } from './peak-bytes.ts'

const FLOAT_BYTES = 4
/** Node, ONNX Runtime and its kernels' own buffers, before any tensor. */
const PROCESS_BYTES = 380e6
/** Parameters, two moments, and the gradient's sums, which micro-batches are added to in place. */
const PARAMETER_COPIES = 4
/** Freed memory of one size is not always good for the next: measured against what the values hold. */
const HEAP_SHARE = 1.03

export type StepShape = {
  readonly config: ModelConfig
  readonly method: TuningMethod
  readonly quantization?: Quantization
  readonly rows: number
  readonly length: number
  readonly recompute: Recompute
  readonly half?: HalfType
}

const isAdded = (output: string) => output.startsWith('gradient_sums')

const size = (shape: readonly number[]) => shape.reduce((product, length) => product * length, 1)

export const modelParameters = (config: ModelConfig): number =>
  weightShapes(config).reduce((sum, { shape }) => sum + size(shape), 0)

export const trainableParameters = (config: ModelConfig, method: TuningMethod): number =>
  parameterCount(parameterSlots(config, method))

export const estimateMemory = ({ quantization, ...shape }: StepShape): number => {
  const { config, method, rows, length, half } = shape
  const weights = isFull(method) ? [] : layOut(config, quantization, half)
  const sizes = (name: string) => (name === 'N' ? rows * length : mostKeys(name))
  const values = peakBytes(trainProgram({ ...shape, weights }), sizes, isAdded)
  const state = PARAMETER_COPIES * FLOAT_BYTES * trainableParameters(config, method)
  return PROCESS_BYTES + storedBytes(weights) + state + HEAP_SHARE * values
}
