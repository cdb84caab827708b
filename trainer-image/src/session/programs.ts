/** The graphs that training runs. P trainable parameters, B rows, T tokens a row, N targets. */
import { backward } from '../autodiff/backward.ts'
import {
  crossEntropy,
  type VocabularyBlock,
  vocabularyRanges,
} from '../autodiff/composites/cross-entropy.ts'
import { GraphBuilder } from '../graph/build.ts'
import type { Graph, Value } from '../graph/node.ts'
import { add } from '../graph/operators/elementwise.ts'
import { gather } from '../graph/operators/movement.ts'
import type { AdapterConfig } from '../model/adapter.ts'
import type { ModelConfig } from '../model/config.ts'
import { headWeightName, type LlamaParts, llamaHidden } from '../model/llama.ts'
import { frozenLinears, loraLinears, parameterCount, parameterSlots } from '../model/lora.ts'
import { quantizedLinears } from '../model/quantized-linears.ts'
import { adamW } from '../optim/adamw.ts'
import { frozenWeights } from './frozen-weights.ts'
import { rotaryTables } from './generator-rotary.ts'
import type { StoredWeight } from './weights-file.ts'

export type ModelProgram = {
  readonly config: ModelConfig
  readonly adapterConfig: AdapterConfig
  readonly weights: readonly StoredWeight[]
  readonly rows: number
  readonly length: number
  readonly recompute: boolean
}

const batchInputs = (g: GraphBuilder, { config, rows, length }: ModelProgram) => {
  const { cos, sin } = rotaryTables(length, config.headDim, config.ropeTheta)
  const half = config.headDim / 2
  return {
    rows,
    length,
    tokens: g.input('tokens', 'int32', [rows, length]),
    positions: g.input('positions', 'int64', [rows, length]),
    segments: g.input('segments', 'int32', [rows, length]),
    cos: g.constant('float32', cos, [length, half]),
    sin: g.constant('float32', sin, [length, half]),
  }
}

const partsOf = (g: GraphBuilder, program: ModelProgram, parameters: Value): LlamaParts => {
  const { config, adapterConfig } = program
  const { weight, quantized } = frozenWeights(g, program.weights)
  const frozen = quantizedLinears(quantized, frozenLinears(weight))
  const slots = parameterSlots(config, adapterConfig)
  const linears = loraLinears(g, frozen, parameters, slots, adapterConfig)
  return { config, weight, linears, recomputeLayers: program.recompute }
}

/** Each block maps its part of the weights file: a slice of the whole would be a copy. */
const headBlocks = (
  g: GraphBuilder,
  { config, weights, rows, length }: ModelProgram,
): readonly VocabularyBlock[] => {
  const name = headWeightName(config)
  const head = weights.find(weight => weight.name === name)
  if (!head) throw new TypeError(`weight ${name} is not stored`)
  const { location, offset, bytes } = head.external
  const rowBytes = bytes / config.vocabSize
  return vocabularyRanges(config.vocabSize, rows * length).map(({ start, end }) => ({
    start,
    weight: g.external(`${name}.${start}`, 'float32', [end - start, config.hiddenSize], {
      location,
      offset: offset + start * rowBytes,
      bytes: (end - start) * rowBytes,
    }),
  }))
}

const lossOf = (g: GraphBuilder, program: ModelProgram, parameters: Value, train: boolean) => {
  const parts = partsOf(g, program, parameters)
  const hidden = llamaHidden(g, parts, batchInputs(g, program))
  const positions = g.input('target_positions', 'int32', ['N'])
  const inputs = {
    hidden: gather(g, hidden, positions),
    weight: parts.weight(headWeightName(program.config)),
    blocks: headBlocks(g, program),
    targets: g.input('target_tokens', 'int32', ['N']),
    differentiable: train,
  }
  return g.scope('loss', () => crossEntropy(g, inputs))
}

const parametersInput = (g: GraphBuilder, program: ModelProgram): Value => {
  const count = parameterCount(parameterSlots(program.config, program.adapterConfig))
  return g.input('parameters', 'float32', [count])
}

/** micro-batch → loss sum, and gradient sums added to those before */
export const trainProgram = (program: ModelProgram): Graph => {
  const g = new GraphBuilder()
  const parameters = parametersInput(g, program)
  const before = g.input('gradient_sums', 'float32', parameters.shape)
  const { lossSum } = lossOf(g, program, parameters, true)
  const [gradient] = backward(g, lossSum, [parameters], g.input('zero', 'float32', []))
  g.output('loss_sum', lossSum)
  g.output('gradient_sums_after', add(g, before, gradient!))
  return g.finish('train')
}

export const evaluateProgram = (program: ModelProgram): Graph => {
  const g = new GraphBuilder()
  const { lossSum, correct } = lossOf(g, program, parametersInput(g, program), false)
  g.output('loss_sum', lossSum)
  g.output('correct', correct)
  return g.finish('evaluate')
}

export const updateProgram = (count: number): Graph => {
  const g = new GraphBuilder()
  const vector = (name: string) => g.input(name, 'float32', [count])
  const state = {
    parameters: vector('parameters'),
    firstMoments: vector('first_moments'),
    secondMoments: vector('second_moments'),
  }
  const sums = vector('gradient_sums')
  const scalar = (name: string) => g.input(name, 'float32', [])
  const scalars = {
    targets: scalar('targets'),
    maxGradientNorm: scalar('maxGradientNorm'),
    keep: scalar('keep'),
    beta1: scalar('beta1'),
    oneMinusBeta1: scalar('oneMinusBeta1'),
    beta2: scalar('beta2'),
    oneMinusBeta2: scalar('oneMinusBeta2'),
    stepSize: scalar('stepSize'),
    correction: scalar('correction'),
    epsilon: scalar('epsilon'),
  }
  const after = g.scope('update', () => adamW(g, state, sums, scalars))
  g.output('gradient_norm', after.gradientNorm)
  g.output('parameters_after', after.parameters)
  g.output('first_moments_after', after.firstMoments)
  g.output('second_moments_after', after.secondMoments)
  return g.finish('update')
}
