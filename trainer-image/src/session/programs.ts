/** The graphs that training runs. B rows, T tokens a row, N targets. */
import { backward } from '../autodiff/backward.ts'
import { crossEntropy } from '../autodiff/composites/cross-entropy.ts'
import type { VocabularyBlock } from '../autodiff/composites/cross-entropy-block.ts'
import { vocabularyRanges } from '../autodiff/composites/vocabulary-ranges.ts'
import { GraphBuilder } from '../graph/build.ts'
import { mergeEqual } from '../graph/merge-equal.ts'
import type { Graph, Value } from '../graph/node.ts'
import { mul } from '../graph/operators/elementwise.ts'
import { isFull, type TuningMethod } from '../model/adapter.ts'
import { familyOf } from '../model/architectures/family-of.ts'
import { type TrainingParts, trainingOps } from '../model/architectures/training-ops.ts'
import { biasedLinears } from '../model/biased-linears.ts'
import type { ModelConfig } from '../model/config.ts'
import { EMBEDDING_WEIGHT, headWeightName } from '../model/linear-layers.ts'
import { frozenLinears, type Linears, loraLinears } from '../model/lora.ts'
import { quantizedLinears } from '../model/quantized-linears.ts'
import { parameterSlots } from '../model/trainable.ts'
import { type HalfType, scalesLoss } from '../precision/half-type.ts'
import { inMixedPrecision } from '../precision/mixed-precision.ts'
import { dropoutInputs } from './dropout.ts'
import { noiseInput } from './embedding-noise.ts'
import { frozenWeights } from './frozen-weights.ts'
import { writesInPlace } from './in-place.ts'
import { embeddingRows, targetRows } from './token-rows.ts'
import { addGradients, type TrainedValues, trainedInput, trainedInputs } from './trained-values.ts'
import type { StoredWeight } from './weights-file.ts'

/** All layers, none, or so many from the first: late in the backward pass, where theirs comes, the others' values are gone. */
export type Recompute = boolean | number

export type ModelProgram = {
  readonly config: ModelConfig
  readonly method: TuningMethod
  readonly weights: readonly StoredWeight[]
  readonly rows: number
  readonly length: number
  readonly recompute: Recompute
  readonly noiseBound?: number
  readonly labelSmoothing?: number
  /** of the layers' products, and of their weights where `weights` has them as halves; absent: float32 */
  readonly half?: HalfType
  /** computed by CUDA, for which fewer operators are known to have a kernel; by the CPU if absent */
  readonly cuda?: boolean
}

const batchInputs = (g: GraphBuilder, { program, trained, train }: Pass) => {
  const { rows, length, config, noiseBound } = program
  const table = trained.whole.get(EMBEDDING_WEIGHT)
  return {
    rows,
    length,
    embeddings: embeddingRows(g, table, [rows * length, config.hiddenSize]),
    positions: g.input('positions', 'int64', [rows, length]),
    segments: g.input('segments', 'int32', [rows, length]),
    ...(train && noiseBound !== undefined
      ? { noise: noiseInput(g, rows * length, config.hiddenSize) }
      : {}),
  }
}

type Pass = {
  readonly program: ModelProgram
  readonly trained: TrainedValues
  /** false where only the loss is wanted */
  readonly train: boolean
}

const linearsOf = (
  g: GraphBuilder,
  { program, trained, train }: Pass,
  parts: FrozenParts,
  asked: Value,
): Linears => {
  const { config, method, rows, length } = program
  const { adapter } = trained
  if (isFull(method) || adapter.size === 0) return parts.linears
  const input = train
    ? dropoutInputs(g, { method, config, tokens: rows * length, asked })
    : undefined
  return loraLinears(g, parts.linears, {
    tensors: adapter,
    config: method,
    weight: parts.weight,
    ...(input ? { input } : {}),
  })
}

type FrozenParts = Pick<TrainingParts, 'weight' | 'linears'>

const frozenParts = (g: GraphBuilder, { program, trained }: Pass): FrozenParts => {
  const { weight, quantized } = frozenWeights(g, program.weights)
  const current = (name: string): Value => trained.whole.get(name) ?? weight(name)
  return { weight: current, linears: quantizedLinears(quantized, frozenLinears(current)) }
}

const partsOf = (g: GraphBuilder, pass: Pass, asked: Value): TrainingParts => {
  const { config, recompute, half, cuda = false } = pass.program
  const recomputedLayers = recompute === true ? config.layers : Number(recompute)
  const frozen = frozenParts(g, pass)
  const linears = biasedLinears(config, frozen.weight, linearsOf(g, pass, frozen, asked))
  return {
    config,
    weight: frozen.weight,
    linears,
    recomputedLayers,
    fusesAttention: !cuda && !half,
  }
}

/** Each block maps its part of the weights file, or of the trained weights: a slice of the whole would be a copy. */
const headBlocks = (
  g: GraphBuilder,
  { config, weights, rows, length }: ModelProgram,
  { whole }: TrainedValues,
): readonly VocabularyBlock[] => {
  const name = headWeightName(config)
  const ranges = vocabularyRanges(config.vocabSize, rows * length)
  if (whole.has(name))
    return ranges.map(({ start, end }) => ({
      start,
      weight: g.input(trainedInput(name, start), 'float32', [end - start, config.hiddenSize]),
    }))
  const head = weights.find(weight => weight.name === name)
  if (!head) throw new TypeError(`weight ${name} is not stored`)
  const { location, offset, bytes } = head.external
  const rowBytes = bytes / config.vocabSize
  return ranges.map(({ start, end }) => ({
    start,
    weight: g.external(`${name}.${start}`, 'float32', [end - start, config.hiddenSize], {
      location,
      offset: offset + start * rowBytes,
      bytes: (end - start) * rowBytes,
    }),
  }))
}

const lossOf = (g: GraphBuilder, pass: Pass) => {
  const { program, trained, train } = pass
  const asked = g.input('target_positions', 'int32', ['N'])
  const parts = partsOf(g, pass, asked)
  const ops = trainingOps(g, parts, { ...batchInputs(g, pass), asked })
  const name = headWeightName(program.config)
  const head = trained.whole.get(name)
  const blocks = headBlocks(g, program, trained)
  const targets = g.input('target_tokens', 'int32', ['N'])
  const inputs = {
    hidden: familyOf(program.config).forward(ops),
    blocks,
    targets,
    ...(train ? { targetWeights: targetRows(g, head, targets, program.config.hiddenSize) } : {}),
    softcap: program.config.logitSoftcap,
    trainsWeight: train && head !== undefined,
    ...(train && program.labelSmoothing !== undefined
      ? { labelSmoothing: program.labelSmoothing }
      : {}),
  }
  return { ...g.scope('loss', () => crossEntropy(g, inputs)), blocks }
}

const inPrecision = (graph: Graph, { half, weights }: ModelProgram): Graph => {
  if (!half) return graph
  const stored = weights.filter(weight => weight.half).map(({ name }) => name)
  return inMixedPrecision(graph, half, new Set(stored))
}

/**
 * micro-batch → loss sum, and gradient sums added to those before
 * In float16 the gradients are those of the loss times the input `loss_scale`.
 */
export const trainProgram = (program: ModelProgram): Graph => {
  const g = new GraphBuilder()
  const { config, method } = program
  const trained = trainedInputs(g, parameterSlots(config, method))
  writesInPlace(g)
  const { lossSum, blocks } = lossOf(g, { program, trained, train: true })
  const zero = g.input('zero', 'float32', [])
  g.output('loss_sum', lossSum)
  const scaled = scalesLoss(program.half)
    ? mul(g, lossSum, g.input('loss_scale', 'float32', []))
    : lossSum
  addGradients(g, {
    trained,
    head: { name: headWeightName(config), isTied: config.tieWordEmbeddings },
    headBlocks: blocks,
    gradientsOf: values => backward(g, scaled, values, zero),
  })
  return mergeEqual(inPrecision(g.finish('train'), program))
}

export const evaluateProgram = (program: ModelProgram): Graph => {
  const g = new GraphBuilder()
  const trained = trainedInputs(g, parameterSlots(program.config, program.method))
  const { lossSum, correct } = lossOf(g, { program, trained, train: false })
  g.output('loss_sum', lossSum)
  g.output('correct', correct)
  return mergeEqual(inPrecision(g.finish('evaluate'), program))
}
