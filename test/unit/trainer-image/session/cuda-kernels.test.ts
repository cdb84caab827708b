/** On CUDA a training step stays on the device: an operator without a kernel there would be computed by the CPU, with copies. */
import { join } from 'node:path'
import t from 'tap'
import type { ElementType, Graph } from '../../../../trainer-image/src/graph/node.ts'
import { LORA_VARIANTS, type TuningMethod } from '../../../../trainer-image/src/model/adapter.ts'
import type { ModelConfig } from '../../../../trainer-image/src/model/config.ts'
import { readModelConfig } from '../../../../trainer-image/src/model/read-config.ts'
import type { HalfType } from '../../../../trainer-image/src/precision/half-type.ts'
import {
  evaluateProgram,
  type ModelProgram,
  trainProgram,
} from '../../../../trainer-image/src/session/programs.ts'
import {
  normProgram,
  updateProgram,
} from '../../../../trainer-image/src/session/update-programs.ts'
import { layOut } from '../../../../trainer-image/src/session/weights-file.ts'
import { CUDA_KERNELS } from '../../../fixtures/cuda-kernels.ts'
import {
  adapterConfigOf,
  MODELS,
  writeModel,
} from '../../../fixtures/parity/recorded-architecture.ts'

/** @returns operators and types without a kernel */
const missing = (graph: Graph): readonly string[] => {
  const used = graph.nodes.map(({ operator, inputs, outputs }): readonly [string, ElementType] => [
    operator,
    (inputs[operator === 'Where' ? 1 : 0] ?? outputs[0])!.type,
  ])
  const without = used.filter(([operator, type]) => !CUDA_KERNELS[operator]?.includes(type))
  return [...new Set(without.map(([operator, type]) => `${operator} of ${type}`))]
}

const FLOATS: ReadonlySet<ElementType> = new Set(['float32', 'float16', 'bfloat16'])

/** @returns operators that are given floats of several types, which no kernel takes */
const mixed = (graph: Graph): readonly string[] =>
  graph.nodes.flatMap(({ operator, inputs }) => {
    const types = new Set(
      inputs.flatMap(input => input?.type ?? []).filter(type => FLOATS.has(type)),
    )
    return types.size > 1 ? [`${operator} of ${[...types].join(' and ')}`] : []
  })

const PRECISIONS: readonly (HalfType | undefined)[] = [undefined, 'float16', 'bfloat16']

const programsOf = (config: ModelConfig, program: Partial<ModelProgram>): readonly Graph[] => {
  const whole = {
    config,
    weights: layOut(config, undefined, program.half),
    method: { type: 'Full' } as TuningMethod,
    rows: 2,
    length: 640,
    recompute: true,
    cuda: true,
    ...program,
  }
  return [trainProgram(whole), evaluateProgram(whole)]
}

const folder = t.testdir({})

for (const model of MODELS.cases)
  t.test(model.name, async t => {
    const config = await readModelConfig(await writeModel(join(folder, model.name), model))
    const adapter = adapterConfigOf(model)
    const extras = { recompute: false, noiseBound: 5, labelSmoothing: 0.1 }
    const programs: Readonly<Record<string, Partial<ModelProgram>>> = {
      Full: { weights: [] },
      'LoRA, with noise and label smoothing': { method: adapter, ...extras },
      ...Object.fromEntries(
        LORA_VARIANTS.map(variant => [
          variant,
          { method: { ...adapter, variant, dropout: 0.1, bLearningRateRatio: 16 } },
        ]),
      ),
    }
    for (const [name, program] of Object.entries(programs))
      for (const half of PRECISIONS)
        for (const graph of programsOf(config, half ? { ...program, half } : program)) {
          t.same(missing(graph), [], `${name}: ${graph.name} in ${half ?? 'float32'}`)
          t.same(mixed(graph), [], `${name}: ${graph.name} in ${half ?? 'float32'}`)
        }
  })

t.test('QLoRA', async t => {
  const model = MODELS.cases[0]!
  const small = await readModelConfig(await writeModel(join(folder, 'few'), model))
  const config = { ...small, intermediateSize: 48 }
  for (const bits of [4, 8] as const) {
    const weights = layOut(config, { bits, blockSize: 16 })
    const program = { weights, method: adapterConfigOf(model) }
    for (const half of PRECISIONS)
      for (const graph of programsOf(config, half ? { ...program, half } : program)) {
        t.same(missing(graph), [], `${bits} bits: ${graph.name} in ${half ?? 'float32'}`)
        t.same(mixed(graph), [], `${bits} bits: ${graph.name} in ${half ?? 'float32'}`)
      }
  }
})

t.test('updates', async t => {
  for (const graph of [normProgram(), updateProgram()]) t.same(missing(graph), [], graph.name)
})
