/** The published decoder of every family against transformers: a prompt at once, then token by token over its cache. */
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readModelConfig } from '../../trainer-image/src/model/read-config.ts'
import { onnxModel } from '../../trainer-image/src/publish/onnx/onnx-model.ts'
import { openWeights } from '../../trainer-image/src/weights/open-weights.ts'
import { relativeError } from '../fixtures/parity/numbers.ts'
import {
  MODELS,
  type RecordedModel,
  tokensOf,
  unpack,
  writeModel,
} from '../fixtures/parity/recorded-architecture.ts'

/** Single precision against single precision, through three layers. */
const TOLERANCE = 1e-4

const published = async (t: Test, model: RecordedModel): Promise<InferenceSession> => {
  const folder = t.testdir({})
  const modelFolder = await writeModel(join(folder, 'model'), model)
  const weights = await openWeights(modelFolder)
  t.teardown(() => weights.close())
  const out = join(folder, 'onnx')
  await mkdir(out)
  const writer = await onnxModel({
    modelFolder,
    config: await readModelConfig(modelFolder),
    weights,
    tokenizer: { tokenizer: {}, config: {}, specialTokens: {}, chatTemplate: undefined },
    chatTemplate: undefined,
    eosTokenIds: [],
  })
  await writer.write(out)
  const session = await InferenceSession.create(join(out, 'model.onnx'), { intraOpNumThreads: 1 })
  t.teardown(() => session.release())
  return session
}

const int64 = (values: Iterable<number>) => {
  const data = BigInt64Array.from(Array.from(values, BigInt))
  return new Tensor('int64', data, [1, data.length])
}

type Cache = Readonly<Record<string, Tensor>>

const emptyCache = ({ inputMetadata }: InferenceSession): Cache =>
  Object.fromEntries(
    inputMetadata.flatMap(input => {
      if (!input.name.startsWith('past') || !input.isTensor) return []
      const [, heads, , size] = input.shape
      const dims = [1, Number(heads), 0, Number(size)]
      return [[input.name, new Tensor('float32', new Float32Array(), dims)]]
    }),
  )

/** @returns logits of the tokens, (tokens, vocabulary), and the cache behind them */
const step = async (session: InferenceSession, tokens: Int32Array, past: number, cache: Cache) => {
  const total = past + tokens.length
  const { logits, ...present } = await session.run({
    ...cache,
    input_ids: int64(tokens),
    attention_mask: int64(new Array(total).fill(1)),
    ...(session.inputNames.includes('position_ids')
      ? { position_ids: int64(tokens.map((_, i) => past + i)) }
      : {}),
  })
  const next = Object.entries(present).map(([name, value]) => [
    name.replace('present', 'past_key_values'),
    value,
  ])
  return { logits: logits!.data as Float32Array, cache: Object.fromEntries(next) as Cache }
}

for (const model of MODELS.cases)
  t.test(`${model.name} is published with the logits of transformers`, async t => {
    const session = await published(t, model)
    const documents = tokensOf(model)
    for (const [document, prompt] of model.prompts.entries()) {
      const tokens = documents[document]!
      let { logits, cache } = await step(session, tokens.slice(0, prompt), 0, emptyCache(session))
      const rows = [logits]
      for (let past = prompt; past < tokens.length; past++) {
        ;({ logits, cache } = await step(session, tokens.slice(past, past + 1), past, cache))
        rows.push(logits)
      }
      const all = rows.flatMap(each => [...each])
      const every = tokens.length > 24 ? 8 : 1
      const recorded = all.filter((_, i) => Math.floor(i / MODELS.vocabulary) % every === 0)
      const error = relativeError(recorded, unpack(model.logits[document]!))
      t.ok(error <= TOLERANCE, `document ${document} (off by ${error})`)
    }
  })
