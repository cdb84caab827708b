/** Random weights of a model's shape: speed and memory do not depend on their values. */
import type { ModelConfig, Weights } from '@attune/trainer/model/config.ts'
import { weightShapes } from '@attune/trainer/model/linear-layers.ts'

export const SMOLLM2_135M: ModelConfig = {
  architecture: 'llama',
  vocabSize: 49152,
  hiddenSize: 576,
  intermediateSize: 1536,
  layers: 30,
  heads: 9,
  kvHeads: new Array(30).fill(3),
  headDim: 64,
  rmsNormEpsilon: 1e-5,
  ropeTheta: 100_000,
  maxPositions: 8192,
  tieWordEmbeddings: true,
  eosTokenIds: [2],
}

export const ALL_LINEAR = [
  'q_proj',
  'k_proj',
  'v_proj',
  'o_proj',
  'gate_proj',
  'up_proj',
  'down_proj',
] as const

export const randomWeights = (config: ModelConfig): Weights => {
  const shapes = new Map(weightShapes(config).map(({ name, shape }) => [name, shape]))
  const names = [...shapes.keys()]
  const shape = (name: string) => {
    const found = shapes.get(name)
    if (!found) throw new TypeError(`no tensor ${name}`)
    return found
  }
  const read = async (name: string) => {
    const dimensions = shape(name)
    const data = new Float32Array(dimensions.reduce((a, b) => a * b, 1))
    if (dimensions.length === 1) return data.fill(1)
    const scale = 2 ** -31 / Math.sqrt(dimensions[1]!)
    let state = names.indexOf(name) + 1
    for (let i = 0; i < data.length; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) | 0
      data[i] = state * scale
    }
    return data
  }
  return { names, shape, read, close: async () => {} }
}
