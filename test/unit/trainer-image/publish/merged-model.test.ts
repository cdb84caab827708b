import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { readModelConfig } from '../../../../trainer-image/src/model/read-config.ts'
import { readTokenizerFiles } from '../../../../trainer-image/src/model/tokenizer-files.ts'
import { mergedModel } from '../../../../trainer-image/src/publish/merged/merged-model.ts'
import { shardsOf } from '../../../../trainer-image/src/publish/merged/shards.ts'
import {
  withDtype,
  withEndTokens,
  withTemplate,
} from '../../../../trainer-image/src/publish/merged/text-files.ts'
import { openWeights } from '../../../../trainer-image/src/weights/open-weights.ts'
import { writeTinyModel } from '../../../fixtures/tiny-model.ts'

const published = async (modelFolder: string) => ({
  modelFolder,
  config: await readModelConfig(modelFolder),
  weights: await openWeights(modelFolder),
  tokenizer: await readTokenizerFiles(modelFolder),
  chatTemplate: '{{ messages }}',
  eosTokenIds: [257, 256],
})

t.test('a model in several files is read back as it was', async t => {
  const folder = t.testdir({})
  const model = await published(await writeTinyModel(join(folder, 'model')))
  t.teardown(() => model.weights.close())
  const out = join(folder, 'merged')
  await mkdir(out)
  const writer = await mergedModel(model, 100_000)
  await writer.write(out)
  t.same((await readdir(out)).sort(), [...writer.files].sort())
  t.ok(writer.files.includes('model-00001-of-00004.safetensors'), `${writer.files}`)
  const index = JSON.parse(await readFile(join(out, 'model.safetensors.index.json'), 'utf8'))
  const again = await openWeights(out)
  t.teardown(() => again.close())
  t.same(again.names, model.weights.names)
  let values = 0
  for (const name of again.names) {
    const data = await again.read(name)
    values += data.length
    t.same(data, await model.weights.read(name), name)
  }
  t.same(index.metadata, { total_parameters: values, total_size: values * 4 })
  t.same(await readModelConfig(out), { ...model.config, eosTokenIds: [257, 256] })
  t.equal(await readFile(join(out, 'chat_template.jinja'), 'utf8'), '{{ messages }}')
  const settings = JSON.parse(await readFile(join(out, 'tokenizer_config.json'), 'utf8'))
  t.match(settings, { chat_template: '{{ messages }}', eos_token: '<|im_end|>' })
  t.same((await readTokenizerFiles(out)).tokenizer, model.tokenizer.tokenizer)
})

t.test('a value that the type of the base cannot hold is refused by its tensor', async t => {
  const folder = t.testdir({})
  const model = await published(await writeTinyModel(join(folder, 'model')))
  t.teardown(() => model.weights.close())
  const read = async (name: string) => (await model.weights.read(name)).fill(Number.NaN, 3, 4)
  const writer = await mergedModel({ ...model, weights: { ...model.weights, read } })
  await t.rejects(writer.write(folder), {
    reason: 'ModelUnsupported',
    message: /tensor "model.embed_tokens.weight" has the value NaN/,
  })
})

t.test('tensors go into a further file where one would grow beyond its bound', async t => {
  const tensor = (name: string, size: number) => ({ name, shape: [size], dtype: 'BF16' as const })
  const tensors = [tensor('a', 2), tensor('b', 3), tensor('c', 9), tensor('d', 1)]
  t.same(
    shardsOf(tensors, 10).map(({ file, tensors: within }) => [file, within.map(each => each.name)]),
    [
      ['model-00001-of-00003.safetensors', ['a', 'b']],
      ['model-00002-of-00003.safetensors', ['c']],
      ['model-00003-of-00003.safetensors', ['d']],
    ],
  )
  t.same(
    shardsOf(tensors, 30).map(({ file }) => file),
    ['model.safetensors'],
  )
})

t.test("the configuration stays as the base's is written but for its type", async t => {
  const text = '{"rope_theta": 10000.0, "rms_norm_eps": 1e-05, "torch_dtype": "float32"}'
  t.equal(withDtype(text, 'float32'), text)
  t.equal(withDtype(text, 'bfloat16'), text.replace('float32', 'bfloat16'))
  t.equal(withDtype('{"dtype": null}', 'float16'), '{"dtype": "float16"}')
  t.equal(withDtype('{"a": 1.0}', 'float16'), '{\n  "torch_dtype": "float16","a": 1.0}')
  t.equal(withDtype('{"dtype": "bfloat16"}', 'float16'), '{"dtype": "float16"}')
})

t.test('generation ends where the evaluation ended', async t => {
  t.equal(withEndTokens('{"eos_token_id": [2, 0]}', [0]), '{"eos_token_id": [2, 0]}')
  t.same(JSON.parse(withEndTokens('{"eos_token_id": 2, "top_k": 5}', [7, 2])), {
    eos_token_id: [2, 7],
    top_k: 5,
  })
})

t.test('the template that was trained with takes the place of the default one', async t => {
  const named = {
    chat_template: [
      { name: 'default', template: 'a' },
      { name: 'tools', template: 'b' },
    ],
  }
  t.same(JSON.parse(withTemplate(JSON.stringify(named), 'c')), {
    chat_template: [
      { name: 'default', template: 'c' },
      { name: 'tools', template: 'b' },
    ],
  })
  t.equal(withTemplate('{"chat_template":"a"}', 'a'), '{"chat_template":"a"}')
})

t.test('a base in halves stays in halves, each tensor in its own', async t => {
  const folder = t.testdir({})
  const source = await writeTinyModel(join(folder, 'model'))
  const config = await readFile(join(source, 'config.json'), 'utf8')
  const model = await published(source)
  t.teardown(() => model.weights.close())
  const { writeSafetensors } = await import(
    '../../../../trainer-image/src/weights/write-safetensors.ts'
  )
  const halves = join(folder, 'halves')
  await mkdir(halves)
  for (const name of ['tokenizer.json', 'tokenizer_config.json'])
    await writeFile(join(halves, name), await readFile(join(source, name)))
  await writeFile(join(halves, 'config.json'), config)
  await writeSafetensors(
    join(halves, 'model.safetensors'),
    model.weights.names.map(name => ({
      name,
      shape: model.weights.shape(name),
      dtype: name.includes('norm') ? ('F32' as const) : ('BF16' as const),
      read: () => model.weights.read(name),
    })),
  )
  const half = await published(halves)
  t.teardown(() => half.weights.close())
  const out = join(folder, 'out')
  await mkdir(out)
  const writer = await mergedModel(half)
  await writer.write(out)
  t.match(await readFile(join(out, 'config.json'), 'utf8'), '"torch_dtype": "bfloat16"')
  t.same(
    await readFile(join(out, 'model.safetensors')),
    await readFile(join(halves, 'model.safetensors')),
  )
})
