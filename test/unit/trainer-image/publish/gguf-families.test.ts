/** What is written of every family against the files that gguf-py wrote of the same models (test/parity/record_gguf_models.py). */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { ModelConfig, Weights } from '../../../../trainer-image/src/model/config.ts'
import { weightShapes } from '../../../../trainer-image/src/model/linear-layers.ts'
import { readModelConfig } from '../../../../trainer-image/src/model/read-config.ts'
import { configFromJson } from '../../../../trainer-image/src/model/read-config-json.ts'
import { readTokenizerFiles } from '../../../../trainer-image/src/model/tokenizer-files.ts'
import { ggufModel } from '../../../../trainer-image/src/publish/gguf/gguf-model.ts'
import { configProblem } from '../../../../trainer-image/src/publish/merged/config-from-gguf.ts'
import { differingField } from '../../../../trainer-image/src/publish/merged/differing-field.ts'
import { mergedModel } from '../../../../trainer-image/src/publish/merged/merged-model.ts'
import { dequantize } from '../../../../trainer-image/src/weights/dequantize.ts'
import { encode } from '../../../../trainer-image/src/weights/encode.ts'
import { readGgufHeader } from '../../../../trainer-image/src/weights/gguf-header.ts'
import { openWeights } from '../../../../trainer-image/src/weights/open-weights.ts'
import { writeTinyModel } from '../../../fixtures/tiny-model.ts'
import { cases, values } from '../../../fixtures/parity/recorded-gguf.ts'

const weightsOf = (config: ModelConfig): Weights => {
  const shapes = new Map(weightShapes(config).map(({ name, shape }) => [name, shape]))
  return {
    names: [...shapes.keys()].sort(),
    shape: name => shapes.get(name)!,
    read: async name => values(name, shapes.get(name)!),
    close: async () => {},
  }
}

const halves = (data: Float32Array) => {
  const rounded = new Float32Array(data.length)
  dequantize('F16', encode('F16', data), rounded)
  return rounded
}

/** The recorded files have tokens of their own. */
const NOT_OF_THE_MODEL = /^(?:general|GGUF|tokenizer)\./

for (const [name, { config: json, gguf }] of Object.entries(cases))
  t.test(`${name} is written as gguf-py writes it`, async t => {
    const folder = t.testdir()
    const [recorded, out] = [join(folder, 'recorded'), join(folder, 'out')]
    mkdirSync(recorded)
    mkdirSync(out)
    writeFileSync(join(recorded, 'model.gguf'), Buffer.from(gguf, 'base64'))
    const modelFolder = await writeTinyModel(join(folder, 'model'))
    const config = configFromJson(json, {})
    const writer = await ggufModel(
      {
        modelFolder,
        config,
        weights: weightsOf(config),
        tokenizer: await readTokenizerFiles(modelFolder),
        chatTemplate: undefined,
        eosTokenIds: config.eosTokenIds,
      },
      'F16',
      { name },
    )
    await writer.write(out)
    const theirs = readGgufHeader(join(recorded, 'model.gguf'))
    const ours = readGgufHeader(join(out, writer.files[0]!))
    t.same([...ours.tensors.keys()].sort(), [...theirs.tensors.keys()].sort())
    for (const [tensor, { shape }] of theirs.tensors)
      t.same(ours.tensors.get(tensor)?.shape, shape, tensor)
    for (const [key, value] of theirs.metadata)
      if (!NOT_OF_THE_MODEL.test(key)) t.same(onePerLayer(ours.metadata.get(key)), value, key)
    t.equal(ours.metadata.get('general.architecture'), theirs.metadata.get('general.architecture'))
    t.strictSame(await readModelConfig(out), await readModelConfig(recorded))
    const [written, stored] = [await openWeights(out), await openWeights(recorded)]
    t.same(written.names, stored.names)
    for (const tensor of stored.names) {
      const data = await stored.read(tensor)
      const expected = stored.shape(tensor).length > 1 ? halves(data) : data
      t.strictSame(await written.read(tensor), expected, tensor)
    }
    await written.close()
    await stored.close()
  })

for (const [name, { config: json, gguf }] of Object.entries(cases))
  t.test(`${name} becomes a Hugging Face folder`, async t => {
    const folder = t.testdir()
    const [recorded, out] = [join(folder, 'recorded'), join(folder, 'out')]
    mkdirSync(recorded)
    mkdirSync(out)
    writeFileSync(join(recorded, 'model.gguf'), Buffer.from(gguf, 'base64'))
    const [config, weights] = [await readModelConfig(recorded), await openWeights(recorded)]
    t.teardown(() => weights.close())
    t.equal(configProblem(config), undefined)
    const writer = await mergedModel({
      modelFolder: recorded,
      config,
      weights,
      tokenizer: await readTokenizerFiles(await writeTinyModel(join(folder, 'model'))),
      chatTemplate: undefined,
      eosTokenIds: config.eosTokenIds,
    })
    await writer.write(out)
    t.equal(differingField(await readModelConfig(out), configFromJson(json, {})), undefined)
    const made = JSON.parse(readFileSync(join(out, 'config.json'), 'utf8'))
    t.same(made.architectures, json['architectures'])
    t.equal(made.model_type, json['model_type'])
    for (const [key, value] of Object.entries(json))
      if (OWN_KEYS.includes(key)) t.same(made[key], value, key)
    const merged = await openWeights(out)
    t.teardown(() => merged.close())
    t.same(merged.names, weights.names)
    for (const tensor of merged.names)
      t.strictSame(await merged.read(tensor), await weights.read(tensor), tensor)
  })

/** Keys that transformers reads of a family alone. */
const OWN_KEYS = [
  'attn_logit_softcapping',
  'final_logit_softcapping',
  'hidden_activation',
  'num_key_value_heads_per_layer',
  'original_max_position_embeddings',
  'partial_rotary_factor',
  'query_pre_attn_scalar',
  'rope_local_base_freq',
  'sliding_window',
]

/** DeciLM's sizes are told layer by layer, where gguf-py's file has one for all. */
const onePerLayer = (value: unknown) =>
  Array.isArray(value) && new Set(value).size === 1 ? value[0] : value
