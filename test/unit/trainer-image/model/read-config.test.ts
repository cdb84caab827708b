import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { expectedTensors } from '../../../../trainer-image/src/model/check-tensors.ts'
import type { ModelConfig } from '../../../../trainer-image/src/model/config.ts'
import { readModelConfig } from '../../../../trainer-image/src/model/read-config.ts'
import { writeSafetensors } from '../../../../trainer-image/src/weights/write-safetensors.ts'
import { float32Bytes, type GgufEntry, ggufBytes } from '../../../fixtures/model/gguf-bytes.ts'

const JSON_CONFIG = {
  model_type: 'llama',
  architectures: ['LlamaForCausalLM'],
  vocab_size: 16,
  hidden_size: 8,
  intermediate_size: 12,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  rms_norm_eps: 1e-5,
  rope_theta: 5000,
  max_position_embeddings: 64,
  tie_word_embeddings: true,
  bos_token_id: 1,
  eos_token_id: 2,
  hidden_act: 'silu',
}
const EXPECTED: ModelConfig = {
  architecture: 'llama',
  vocabSize: 16,
  hiddenSize: 8,
  intermediateSize: 12,
  layers: 2,
  heads: 4,
  kvHeads: [2, 2],
  headDim: 2,
  rmsNormEpsilon: 1e-5,
  ropeTheta: 5000,
  maxPositions: 64,
  tieWordEmbeddings: true,
  bosTokenId: 1,
  eosTokenIds: [2],
}

/** A folder with the tensors that `shape` implies, and any config.json at all. */
const folderWith = async (
  t: Test,
  config: unknown,
  { shape = EXPECTED, edit = (_: Map<string, readonly number[]>) => {} } = {},
) => {
  const folder = t.testdir()
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config))
  const tensors = new Map(expectedTensors(shape))
  edit(tensors)
  const sizeOf = (sizes: readonly number[]) => sizes.reduce((a, b) => a * b, 1)
  await writeSafetensors(
    join(folder, 'model.safetensors'),
    [...tensors].map(([name, sizes]) => ({
      name,
      shape: sizes,
      read: () => new Float32Array(sizeOf(sizes)),
    })),
  )
  return folder
}

t.test('reads config.json as transformers 4 writes it', async t => {
  t.strictSame(await readModelConfig(await folderWith(t, JSON_CONFIG)), EXPECTED)
})

t.test('reads config.json as transformers 5 writes it', async t => {
  const { rope_theta, ...rest } = JSON_CONFIG
  const config = { ...rest, rope_parameters: { rope_theta, rope_type: 'default' } }
  t.strictSame(await readModelConfig(await folderWith(t, config)), EXPECTED)
})

t.test('adds the end tokens of generation_config.json', async t => {
  const folder = await folderWith(t, JSON_CONFIG)
  writeFileSync(join(folder, 'generation_config.json'), JSON.stringify({ eos_token_id: [2, 7] }))
  t.strictSame((await readModelConfig(folder)).eosTokenIds, [2, 7])
})

t.test('reads KV heads that differ by layer, and an untied head', async t => {
  const { num_key_value_heads: _, ...rest } = JSON_CONFIG
  const config = {
    ...rest,
    model_type: 'deci',
    architectures: ['DeciLMForCausalLM'],
    num_key_value_heads_per_layer: [4, 1],
    tie_word_embeddings: false,
    head_dim: 6,
  }
  const shape = { ...EXPECTED, kvHeads: [4, 1], tieWordEmbeddings: false, headDim: 6 }
  t.strictSame(await readModelConfig(await folderWith(t, config, { shape })), shape)
})

t.test('reads the keys as DeciLM-6B has them', async t => {
  const { num_key_value_heads: _, model_type: _type, ...rest } = JSON_CONFIG
  const config = {
    ...rest,
    architectures: ['DeciLMForCausalLM'],
    num_key_value_heads_per_layer: [4, 1],
    rope_scaling: { type: 'dynamic', factor: 2.0 },
  }
  const shape = { ...EXPECTED, kvHeads: [4, 1] }
  t.strictSame(await readModelConfig(await folderWith(t, config, { shape })), shape)
})

const UNSUPPORTED: Record<string, [change: object, message: RegExp]> = {
  'another architecture': [
    { model_type: 'mamba', architectures: ['MambaForCausalLM'] },
    /mamba.*MambaForCausalLM.*LlamaForCausalLM/,
  ],
  'a classifier': [{ architectures: ['LlamaForSequenceClassification'] }, /LlamaForSequence/],
  'RoPE scaling (4)': [
    { rope_scaling: { rope_type: 'yarn', factor: 8 } },
    /rope_scaling.*RoPE scaling of type "yarn"/,
  ],
  'RoPE scaling (old key)': [{ rope_scaling: { type: 'ntk', factor: 2 } }, /"ntk"/],
  'RoPE scaling of rows that the model takes': [
    { rope_scaling: { type: 'dynamic', factor: 2, original_max_position_embeddings: 16 } },
    /"dynamic"/,
  ],
  'RoPE scaling (5)': [{ rope_parameters: { rope_type: 'yarn' } }, /rope_parameters.*"yarn"/],
  'a sliding window': [{ sliding_window: 4096 }, /sliding_window is 4096/],
  'kinds of layers': [{ layer_types: ['full_attention'] }, /layer_types is/],
  'heads that are rotated in part': [
    { rope_parameters: { partial_rotary_factor: 0.5 } },
    /partial_rotary_factor of 0\.5/,
  ],
  'another activation': [{ hidden_act: 'gelu' }, /hidden_act is "gelu"/],
  'quantized weights': [{ quantization_config: { bits: 4 } }, /quantization_config/],
}
for (const [what, [change, message]] of Object.entries(UNSUPPORTED))
  t.test(`refuses ${what}`, async t => {
    const folder = await folderWith(t, { ...JSON_CONFIG, ...change })
    await t.rejects(readModelConfig(folder), {
      name: 'StageError',
      reason: 'ModelUnsupported',
      message,
    })
  })

const MALFORMED: Record<string, [change: object, message: RegExp]> = {
  'no size': [{ hidden_size: undefined }, /hidden_size is missing/],
  'a size beyond reason': [{ num_hidden_layers: 1e9 }, /num_hidden_layers is 1000000000.*1024/],
  'a size that is no number': [{ vocab_size: '16' }, /vocab_size is "16"/],
  'a fraction': [{ num_attention_heads: 6 }, /head_dim is 1\.33/],
  'heads that do not divide': [{ num_key_value_heads: 3 }, /3.*does not divide 4/],
  'an end token beyond the vocabulary': [{ eos_token_id: 16 }, /eos_token_id is 16.*0 to 15/],
  'an epsilon of zero': [{ rms_norm_eps: 0 }, /rms_norm_eps is 0/],
  'too few KV heads by layer': [{ num_key_value_heads_per_layer: [2] }, /1 entries for 2 layers/],
  'sizes that the tensors do not have': [
    { intermediate_size: 13 },
    /mlp\.gate_proj\.weight" is \[12,8\].*\[13,8\]/,
  ],
  'more layers than there are': [{ num_hidden_layers: 3 }, /no tensor "model\.layers\.2/],
  'a head that is not there': [{ tie_word_embeddings: false }, /no tensor "lm_head\.weight"/],
}
for (const [what, [change, message]] of Object.entries(MALFORMED))
  t.test(`refuses a configuration with ${what}`, async t => {
    const folder = await folderWith(t, { ...JSON_CONFIG, ...change })
    await t.rejects(readModelConfig(folder), {
      name: 'StageError',
      reason: 'ModelMalformed',
      message,
    })
  })

t.test('refuses tensors that have no place, and lets pass what follows from others', async t => {
  const biased = await folderWith(t, JSON_CONFIG, {
    edit: tensors => tensors.set('model.layers.0.self_attn.q_proj.bias', [8]),
  })
  await t.rejects(readModelConfig(biased), {
    name: 'StageError',
    reason: 'ModelUnsupported',
    message: /q_proj\.bias/,
  })
  const old = await folderWith(t, JSON_CONFIG, {
    edit: tensors =>
      tensors
        .set('model.layers.0.self_attn.rotary_emb.inv_freq', [1])
        .set('lm_head.weight', [16, 8]),
  })
  t.strictSame(await readModelConfig(old), EXPECTED)
})

t.test('names a missing or broken config.json', async t => {
  const folder = await folderWith(t, JSON_CONFIG)
  writeFileSync(join(folder, 'config.json'), '{"model_type": ')
  await t.rejects(readModelConfig(folder), {
    name: 'StageError',
    message: /config\.json.*not JSON/,
  })
})

const GGUF: Record<string, GgufEntry> = {
  'general.architecture': 'llama',
  'llama.vocab_size': { u32: 16 },
  'llama.embedding_length': { u32: 8 },
  'llama.feed_forward_length': { u32: 12 },
  'llama.block_count': { u32: 2 },
  'llama.attention.head_count': { u32: 4 },
  'llama.attention.head_count_kv': { u32: 2 },
  'llama.attention.layer_norm_rms_epsilon': { f32: 1e-5 },
  'llama.rope.freq_base': { f32: 5000 },
  'llama.rope.dimension_count': { u32: 2 },
  'llama.context_length': { u32: 64 },
  'tokenizer.ggml.bos_token_id': { u32: 1 },
  'tokenizer.ggml.eos_token_id': { u32: 2 },
}
const ggufName = (name: string) =>
  name
    .replace('model.embed_tokens', 'token_embd')
    .replace('model.norm', 'output_norm')
    .replace('model.layers', 'blk')
    .replace('input_layernorm', 'attn_norm')
    .replace('post_attention_layernorm', 'ffn_norm')
    .replace('self_attn.o_proj', 'attn_output')
    .replace(/self_attn\.(.)_proj/, 'attn_$1')
    .replace(/mlp\.(\w+)_proj/, 'ffn_$1')
const ggufFolder = (t: Test, change: Record<string, GgufEntry | undefined> = {}) => {
  const folder = t.testdir()
  const metadata = Object.fromEntries(
    Object.entries({ ...GGUF, ...change }).filter(([, value]) => value !== undefined),
  ) as Record<string, GgufEntry>
  const tensors = [...expectedTensors(EXPECTED)].map(([name, shape]) => ({
    name: ggufName(name),
    type: 0,
    shape,
    bytes: float32Bytes(Array(shape.reduce((a, b) => a * b, 1)).fill(1)),
  }))
  writeFileSync(join(folder, 'model.gguf'), ggufBytes(metadata, tensors))
  return folder
}

t.test('reads the same configuration out of GGUF metadata', async t => {
  t.strictSame(await readModelConfig(ggufFolder(t)), EXPECTED)
  const perLayer = ggufFolder(t, { 'llama.attention.head_count_kv': [2, 2] })
  t.strictSame(await readModelConfig(perLayer), EXPECTED)
})

const GGUF_REFUSED: Record<string, [object, reason: string, message: RegExp]> = {
  'another architecture': [
    { 'general.architecture': 'mamba' },
    'ModelUnsupported',
    /general\.architecture is "mamba"/,
  ],
  'RoPE scaling': [{ 'llama.rope.scaling.type': 'yarn' }, 'ModelUnsupported', /"yarn"/],
  'rotary dimensions beyond a head': [
    { 'llama.rope.dimension_count': { u32: 4 } },
    'ModelMalformed',
    /dimension_count is 4/,
  ],
  'heads that differ by layer': [
    { 'llama.attention.head_count': [4, 2] },
    'ModelUnsupported',
    /head_count is \[4,2\]/,
  ],
  experts: [{ 'llama.expert_count': { u32: 8 } }, 'ModelUnsupported', /expert_count is 8/],
  'no size': [{ 'llama.block_count': undefined }, 'ModelMalformed', /block_count is missing/],
  'more layers than there are': [
    { 'llama.block_count': { u32: 3 } },
    'ModelMalformed',
    /no tensor "model\.layers\.2/,
  ],
}
for (const [what, [change, reason, message]] of Object.entries(GGUF_REFUSED))
  t.test(`refuses a GGUF with ${what}`, async t => {
    const folder = ggufFolder(t, change as Record<string, GgufEntry | undefined>)
    await t.rejects(readModelConfig(folder), { name: 'StageError', reason, message })
  })

t.test('says of a GGUF cut short that it is', async t => {
  const folder = ggufFolder(t)
  const bytes = readFileSync(join(folder, 'model.gguf'))
  writeFileSync(join(folder, 'model.gguf'), bytes.subarray(0, -100))
  await t.rejects(readModelConfig(folder), {
    name: 'StageError',
    reason: 'ModelMalformed',
    message: `${bytes.length} bytes expected by its header, the file has ${bytes.length - 100}`,
  })
})
