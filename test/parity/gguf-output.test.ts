/** GGUF of every family, and Merged of a base that came as such a GGUF: read back, they give the logits of the tuned model within the rounding of their types. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { ModelConfig, Weights } from '../../trainer-image/src/model/config.ts'
import { weightShapes } from '../../trainer-image/src/model/linear-layers.ts'
import { readModelConfig } from '../../trainer-image/src/model/read-config.ts'
import { configFromJson } from '../../trainer-image/src/model/read-config-json.ts'
import { readTokenizerFiles } from '../../trainer-image/src/model/tokenizer-files.ts'
import { tunedWeights } from '../../trainer-image/src/model/tuned-weights.ts'
import { type GgufType, ggufModel } from '../../trainer-image/src/publish/gguf/gguf-model.ts'
import { mergedModel } from '../../trainer-image/src/publish/merged/merged-model.ts'
import { dequantize } from '../../trainer-image/src/weights/dequantize.ts'
import { encode, isWholeBlocks } from '../../trainer-image/src/weights/encode.ts'
import { openWeights } from '../../trainer-image/src/weights/open-weights.ts'
import { relativeError } from '../fixtures/parity/numbers.ts'
import { emptyCache, publishedDecoder, step } from '../fixtures/parity/published-decoder.ts'
import {
  adapterConfigOf,
  adapterOf,
  MODELS,
  type RecordedModel,
  tokensOf,
  writeModel,
} from '../fixtures/parity/recorded-architecture.ts'
import { writeTinyTokenizer } from '../fixtures/tiny-model.ts'

/** A file has what comes out of Llama 3.1's scaling, which is known again by the published settings. */
const LLAMA3 = {
  rope_type: 'llama3',
  rope_theta: 10_000,
  factor: 8,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 8192,
}

/** What llama.cpp has no key for is made as llama.cpp has it. */
const EXPRESSIBLE: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  llama: { rope_parameters: LLAMA3 },
  mistral: { sliding_window: null },
  qwen2: { use_sliding_window: false, layer_types: null },
  smollm3: { num_hidden_layers: 5, no_rope_layers: [1, 1, 1, 0, 1], layer_types: null },
  gemma2: { query_pre_attn_scalar: 12, tie_word_embeddings: true },
  gemma3: { num_hidden_layers: 7, layer_types: null },
}

const expressible = (model: RecordedModel): RecordedModel => {
  const config = { ...model.config, ...EXPRESSIBLE[model.name] }
  const shapes = weightShapes(configFromJson(config, {}))
  return { ...model, config, tensors: Object.fromEntries(shapes.map(s => [s.name, s.shape])) }
}

type Folder = { readonly path: string; readonly weights: Weights; readonly config: ModelConfig }

const opened = async (t: Test, path: string): Promise<Folder> => {
  const weights = await openWeights(path)
  t.teardown(() => weights.close())
  return { path, weights, config: await readModelConfig(path) }
}

const publishedOf = async ({ path, config }: Folder, weights: Weights) => ({
  modelFolder: path,
  config,
  weights,
  tokenizer: await readTokenizerFiles(path),
  chatTemplate: undefined,
  eosTokenIds: [],
})

const tuned = (weights: Weights, model: RecordedModel, config: ModelConfig): Weights =>
  tunedWeights(weights, {
    type: 'Adapter',
    config: adapterConfigOf(model),
    tensors: adapterOf(model, config),
  })

const roundedTo = (type: GgufType, weights: Weights): Weights => ({
  ...weights,
  read: async name => {
    const data = await weights.read(name)
    const shape = weights.shape(name)
    if (shape.length < 2) return data
    const rounded = new Float32Array(data.length)
    const stored = isWholeBlocks(type, shape[1]!) ? type : 'F16'
    dequantize(stored, encode(stored, data), rounded)
    return rounded
  },
})

/** @returns logits of all documents, one behind the other */
const logitsOf = async (
  t: Test,
  model: RecordedModel,
  path: string,
  change?: (weights: Weights) => Weights,
) => {
  const session = await publishedDecoder(t, path, change)
  const all: number[] = []
  for (const tokens of tokensOf(model)) {
    const { logits } = await step(session, tokens, 0, emptyCache(session))
    for (const value of logits) all.push(value)
  }
  return all
}

/** @returns length of the difference, relative to the length of what is expected */
const distance = (actual: readonly number[], expected: readonly number[]): number => {
  const lengthOf = (values: readonly number[]) => Math.hypot(...values)
  return lengthOf(actual.map((value, i) => value - expected[i]!)) / lengthOf(expected)
}

/** Single precision against single precision; norms of Gemma are stored with 1 added. */
const TOLERANCE = 1e-4
/** Rounding of the weights, through all layers, to 11 bits and to 8 bits a block. */
const ROUNDING: Readonly<Record<GgufType, number>> = { F16: 5e-3, Q8_0: 8e-2 }

for (const recorded of MODELS.cases)
  for (const type of ['F16', 'Q8_0'] as const)
    t.test(`${recorded.name} as GGUF of ${type}`, async t => {
      const folder = t.testdir({})
      const model = expressible(recorded)
      const path = await writeModel(join(folder, 'model'), model)
      await writeTinyTokenizer(path)
      const base = await opened(t, path)
      const weights = tuned(base.weights, model, base.config)
      const out = join(folder, 'gguf')
      await mkdir(out)
      await (await ggufModel(await publishedOf(base, weights), type, { name: 'm' })).write(out)

      const of = (weights: Weights) => tuned(weights, model, base.config)
      const expected = await logitsOf(t, model, path, of)
      const rounded = await logitsOf(t, model, path, stored => roundedTo(type, of(stored)))
      const found = await logitsOf(t, model, out)
      const error = relativeError(found, rounded)
      t.ok(error <= TOLERANCE, `the model with rounded weights (off by ${error})`)
      const rounding = distance(found, expected)
      t.ok(rounding <= ROUNDING[type], `the tuned model (off by ${rounding})`)
      const plain = distance(await logitsOf(t, model, path), expected)
      t.ok(plain > 10 * rounding, `tuning moved it more (${plain})`)

      const merged = join(folder, 'merged')
      await mkdir(merged)
      const again = await opened(t, out)
      await (await mergedModel(await publishedOf(again, again.weights))).write(merged)
      const off = distance(await logitsOf(t, model, merged), found)
      t.ok(off <= ROUNDING.F16, `Merged of the GGUF, in halves (off by ${off})`)
    })
