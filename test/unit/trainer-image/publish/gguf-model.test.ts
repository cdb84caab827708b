import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { ModelConfig } from '../../../../trainer-image/src/model/config.ts'
import { weightShapes } from '../../../../trainer-image/src/model/linear-layers.ts'
import { readModelConfig } from '../../../../trainer-image/src/model/read-config.ts'
import { rotaryTables } from '../../../../trainer-image/src/model/rotary.ts'
import { createTokenizer } from '../../../../trainer-image/src/model/tokenizer.ts'
import { readTokenizerFiles } from '../../../../trainer-image/src/model/tokenizer-files.ts'
import {
  type GgufType,
  ggufModel,
  sizeLabel,
} from '../../../../trainer-image/src/publish/gguf/gguf-model.ts'
import { ggufProblem } from '../../../../trainer-image/src/publish/gguf/gguf-problem.ts'
import { preTokenizerName } from '../../../../trainer-image/src/publish/gguf/gguf-bytes.ts'
import { configProblem } from '../../../../trainer-image/src/publish/merged/config-from-gguf.ts'
import { mergedModel } from '../../../../trainer-image/src/publish/merged/merged-model.ts'
import { encode } from '../../../../trainer-image/src/weights/encode.ts'
import { dequantize } from '../../../../trainer-image/src/weights/dequantize.ts'
import { readGgufHeader } from '../../../../trainer-image/src/weights/gguf-header.ts'
import { openWeights } from '../../../../trainer-image/src/weights/open-weights.ts'
import { recordedKinds, tokenizerJson } from '../../../fixtures/model/tokenizer-kinds.ts'
import { writeTinyModel } from '../../../fixtures/tiny-model.ts'

const opened = async (t: Test, modelFolder: string) => {
  const weights = await openWeights(modelFolder)
  t.teardown(() => weights.close())
  return {
    modelFolder,
    weights,
    config: await readModelConfig(modelFolder),
    tokenizer: await readTokenizerFiles(modelFolder),
    chatTemplate: '{{ messages }}',
    eosTokenIds: [257],
  }
}
const ABOUT = { name: 'tiny', license: 'mit', baseModel: { name: 'Tiny', url: 'https://h/o/t' } }

const written = async (t: Test, type: GgufType) => {
  const folder = t.testdir({})
  const base = await opened(t, await writeTinyModel(join(folder, 'model')))
  const out = join(folder, 'gguf')
  await mkdir(out)
  const writer = await ggufModel(base, type, ABOUT)
  await writer.write(out)
  t.same(await readdir(out), writer.files)
  return { base, again: await opened(t, out), out, path: join(out, writer.files[0]!) }
}

t.test('is read back with the values that its type can hold, in their places', async t => {
  for (const type of ['F16', 'Q8_0'] as const) {
    const { base, again } = await written(t, type)
    t.same(again.weights.names, base.weights.names)
    for (const name of again.weights.names) {
      const data = await base.weights.read(name)
      const isVector = base.weights.shape(name).length === 1
      const expected = new Float32Array(data.length)
      const stored = isVector ? 'F32' : type
      dequantize(stored, encode(stored, data), expected)
      t.same(await again.weights.read(name), expected, `${type} ${name}`)
    }
  }
})

t.test("tells the model's shape and its tokenizer", async t => {
  const { base, again, path } = await written(t, 'F16')
  t.same(again.config, base.config)
  const [tokenizer, own] = [createTokenizer(again.tokenizer), createTokenizer(base.tokenizer)]
  t.equal(tokenizer.vocabSize, own.vocabSize)
  t.same(tokenizer.controlTokens, own.controlTokens)
  const text = 'Straße 12, 東京 🎉\n\ttabs'
  t.same(tokenizer.encodeText(text), own.encodeText(text))
  t.equal(tokenizer.chatTemplate, '{{ messages }}')
  const { metadata } = readGgufHeader(path)
  t.match(Object.fromEntries(metadata), {
    'general.architecture': 'llama',
    'general.name': 'tiny',
    'general.license': 'mit',
    'general.base_model.count': 1,
    'general.file_type': 1,
    'general.size_label': '91K',
    'tokenizer.ggml.pre': 'gpt-2',
    'tokenizer.ggml.eos_token_id': 257,
    'tokenizer.ggml.padding_token_id': 258,
  })
})

t.test('a GGUF of a GGUF keeps its tokenizer', async t => {
  const { again, path, out: first } = await written(t, 'F16')
  const out = join(first, '..', 'again')
  await mkdir(out)
  const writer = await ggufModel(again, 'F16', ABOUT)
  await writer.write(out)
  t.same(readGgufHeader(join(out, writer.files[0]!)).metadata, readGgufHeader(path).metadata)
})

t.test('a GGUF becomes a Hugging Face folder in halves', async t => {
  const { again, out: first } = await written(t, 'Q8_0')
  const out = join(first, '..', 'merged')
  await mkdir(out)
  const writer = await mergedModel(again)
  await writer.write(out)
  const merged = await opened(t, out)
  t.same(merged.config, again.config)
  t.same(merged.tokenizer.tokenizer, again.tokenizer.tokenizer)
  for (const name of merged.weights.names) {
    const data = await again.weights.read(name)
    const expected = new Float32Array(data.length)
    dequantize('F16', encode('F16', data), expected)
    t.same(await merged.weights.read(name), expected, name)
  }
})

const LONGROPE: ModelConfig['ropeScaling'] = {
  type: 'longrope',
  shortFactors: [1, 2],
  attentionFactor: 1.1,
}
const LLAMA3: ModelConfig['ropeScaling'] = {
  type: 'llama3',
  factor: 8,
  lowFrequencyFactor: 1,
  highFrequencyFactor: 4,
  originalMaxPositions: 8192,
}
const GEMMA3: Partial<ModelConfig> = {
  architecture: 'gemma3_text',
  windows: [8, 8],
  attentionScale: 0.25,
}
const GEMMA2: Partial<ModelConfig> = {
  architecture: 'gemma2',
  windows: [8, null],
  attentionScale: 0.25,
  attentionSoftcap: 50,
  logitSoftcap: 30,
}

/** of a Llama of two layers with heads of 16 values */
const REFUSED: readonly (readonly [change: Partial<ModelConfig>, problem: RegExp | undefined])[] = [
  [{ architecture: 'qwen2', kvHeads: [2, 4] }, /differ by layer/],
  [{ architecture: 'mistral', windows: [8, 8] }, /sliding window, for which llama.cpp's llama/],
  [{ architecture: 'qwen3', biases: ['q_proj'] }, /qwen3 has no place for its biases \(q_proj\)/],
  [{ architecture: 'qwen2' }, /qwen2 has no place for its biases \(none\)/],
  [{ layersWithoutRope: [1] }, /leaves other layers without RoPE than it \(1\)/],
  [{ architecture: 'smollm3', layersWithoutRope: [1] }, /without RoPE than it \(1\)/],
  [{ rotaryDim: 8 }, /rotates whole heads/],
  [{ ropeScaling: LONGROPE }, /llama has no RoPE scaling of type longrope/],
  [{ architecture: 'phi3', ropeScaling: LONGROPE }, /phi3 has no RoPE scaling of type longrope/],
  [{ architecture: 'phi3', windows: [8, null] }, /windows in other layers/],
  [{ architecture: 'phi3', headDim: 8 }, /phi3 has heads of 16 values .* and it of 8/],
  [{ architecture: 'qwen3', ropeScaling: LLAMA3 }, /qwen3 has no RoPE scaling of type llama3/],
  [{ ...GEMMA3, windows: [8, null] }, /gemma3 has windows in other layers/],
  [{ ...GEMMA3, attentionScale: 0.5 }, /query_pre_attn_scalar is 4.00000, .* takes 16.0000/],
  [{ ...GEMMA3, logitSoftcap: 30 }, /neither scores nor logits below a cap/],
  [{ ...GEMMA2, attentionSoftcap: undefined }, /gemma2 holds scores and logits below a cap/],
  [{ ...GEMMA2, tieWordEmbeddings: false }, /gemma2 has no output layer of its own/],
]

t.test('what it cannot say is refused', async t => {
  const { config } = await opened(t, await writeTinyModel(t.testdir({})))
  t.equal(ggufProblem(config), undefined)
  for (const [change, problem] of REFUSED)
    t.match(ggufProblem({ ...config, ...change }), problem, JSON.stringify(change))
  await t.rejects(
    ggufModel(
      {
        ...(await opened(t, await writeTinyModel(t.testdir({})))),
        config: { ...config, windows: [8, 8] },
      },
      'F16',
      ABOUT,
    ),
    { reason: 'ModelUnsupported', message: /GGUF: it has a sliding window/ },
  )
})

t.test('a tokenizer is named by the way it cuts text', async t => {
  const bytes = { type: 'ByteLevel', add_prefix_space: false, use_regex: true }
  const bpe = { model: { type: 'BPE' }, normalizer: null, pre_tokenizer: bytes }
  t.equal(preTokenizerName(bpe), 'gpt-2')
  t.equal(preTokenizerName({ ...bpe, normalizer: { type: 'NFKC' } }), undefined)
  t.equal(preTokenizerName({ ...bpe, pre_tokenizer: { type: 'Whitespace' } }), undefined)
  t.equal(preTokenizerName({ ...bpe, model: { type: 'BPE', ignore_merges: true } }), undefined)
  t.equal(preTokenizerName({ ...bpe, model: { type: 'Unigram' } }), undefined)
  for (const [kind, name] of Object.entries({
    llama3: 'llama-bpe',
    qwen2: 'qwen2',
    gpt4o: 'gpt-4o',
  }))
    t.equal(preTokenizerName(tokenizerJson(recordedKinds.kinds[kind]!)), name)
})

t.test('sizes are told as models are named', async t => {
  t.same([134_515_008, 1_235_814_400, 70e9, 98_560].map(sizeLabel), ['135M', '1.2B', '70B', '99K'])
})

const FAMILIES: Readonly<Record<string, Partial<ModelConfig>>> = {
  'qwen2, with biases': { architecture: 'qwen2', biases: ['q_proj', 'k_proj', 'v_proj'] },
  'llama, with biases': { biases: ['q_proj', 'k_proj', 'v_proj', 'o_proj'] },
  'qwen3, with normalized heads': { architecture: 'qwen3', queryKeyNorm: true },
  'llama, with the scaling of Llama 3.1': {
    ropeScaling: {
      type: 'llama3',
      factor: 8,
      lowFrequencyFactor: 1,
      highFrequencyFactor: 4,
      originalMaxPositions: 8192,
    },
  },
  'llama, with factors of no known scaling': {
    ropeScaling: {
      type: 'longrope',
      shortFactors: Array.from({ length: 8 }, (_, i) => 1 + i / 2),
      attentionFactor: 1,
    },
  },
  'llama, with linear scaling': { ropeScaling: { type: 'linear', factor: 2 } },
}

for (const [name, change] of Object.entries(FAMILIES))
  t.test(`${name}, is read back as it was`, async t => {
    const folder = t.testdir({})
    const plain = await opened(t, await writeTinyModel(join(folder, 'model')))
    const config: ModelConfig = { ...plain.config, ...change }
    const shapes = new Map(weightShapes(config).map(({ name: tensor, shape }) => [tensor, shape]))
    const read = async (tensor: string) =>
      Float32Array.from(
        { length: shapes.get(tensor)!.reduce((a, b) => a * b, 1) },
        (_, i) => i % 97,
      )
    const weights = {
      ...plain.weights,
      names: [...shapes.keys()].sort(),
      shape: (tensor: string) => shapes.get(tensor)!,
      read,
    }
    const out = join(folder, 'gguf')
    await mkdir(out)
    const writer = await ggufModel({ ...plain, config, weights }, 'F16', ABOUT)
    await writer.write(out)
    const again = await opened(t, out)
    t.same(logitsShape(again.config), logitsShape(config))
    t.same(
      again.weights.names.filter(each => shapes.has(each)),
      weights.names,
    )
    for (const tensor of weights.names) t.same(await again.weights.read(tensor), await read(tensor))

    const merged = join(folder, 'merged')
    await mkdir(merged)
    await (await mergedModel(again)).write(merged)
    if (configProblem(again.config) === undefined)
      t.same(logitsShape(await readModelConfig(merged)), logitsShape(config))
    else t.notOk((await readdir(merged)).includes('config.json'), 'none is better than a wrong one')
  })

/** RoPE's angles, however the file says them, and the rest of the configuration. */
const logitsShape = (config: ModelConfig) => {
  const { ropeScaling: _, ...rest } = config
  const { cos, sin } = rotaryTables(config, 'global', 8)
  const rounded = [...cos, ...sin].map(value => value.toFixed(5))
  return { ...rest, rounded }
}
