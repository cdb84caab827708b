import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { StageError } from '../../../../trainer-image/src/stage-error.ts'
import { readGgufHeader } from '../../../../trainer-image/src/weights/gguf-header.ts'
import { unpermuteRows } from '../../../../trainer-image/src/weights/gguf-names.ts'
import { openWeights } from '../../../../trainer-image/src/weights/open-weights.ts'
import {
  float32Bytes,
  type GgufBytesTensor,
  type GgufEntry,
  ggufBytes,
} from '../../../fixtures/model/gguf-bytes.ts'

const malformed = { name: 'StageError', reason: 'ModelMalformed' }
const METADATA: Record<string, GgufEntry> = {
  'general.architecture': 'llama',
  'llama.embedding_length': { u32: 4 },
  'llama.attention.head_count': { u32: 1 },
  'llama.rope.freq_base': { f32: 10_000 },
  'tokenizer.ggml.add_bos_token': false,
  'tokenizer.ggml.tokens': ['a', 'ü', '\ufeff'],
  'tokenizer.ggml.token_type': [1, 3, 1],
}
const f32 = (name: string, shape: number[]): GgufBytesTensor => {
  const count = shape.reduce((a, b) => a * b, 1)
  const values = Array.from({ length: count }, (_, i) => i)
  return { name, type: 0, shape, bytes: float32Bytes(values) }
}
const write = (t: Test, bytes: Uint8Array) => {
  const path = join(t.testdir(), 'model.gguf')
  writeFileSync(path, bytes)
  return path
}
const folderOf = (path: string) => join(path, '..')

t.test('reads metadata and tensors of versions 2 and 3', async t => {
  for (const version of [2, 3]) {
    const header = readGgufHeader(
      write(t, ggufBytes(METADATA, [f32('x', [2, 3]), f32('y', [1])], version)),
    )
    t.strictSame(header.metadata.get('tokenizer.ggml.tokens'), ['a', 'ü', '\ufeff'])
    t.strictSame(header.metadata.get('tokenizer.ggml.token_type'), [1, 3, 1])
    t.equal(header.metadata.get('llama.rope.freq_base'), 10_000)
    t.equal(header.metadata.get('tokenizer.ggml.add_bos_token'), false)
    t.match(header.tensors.get('x'), { type: 'F32', shape: [2, 3], byteLength: 24 })
  }
})

t.test('gives tensors their Hugging Face names and rows their order', async t => {
  const names = ['token_embd', 'blk.0.attn_q', 'blk.0.attn_v', 'blk.12.ffn_down', 'output_norm']
  const bytes = ggufBytes(
    METADATA,
    names.map(name => f32(`${name}.weight`, [4, 2])),
  )
  const weights = await openWeights(folderOf(write(t, bytes)))
  t.strictSame(weights.names, [
    'model.embed_tokens.weight',
    'model.layers.0.self_attn.q_proj.weight',
    'model.layers.0.self_attn.v_proj.weight',
    'model.layers.12.mlp.down_proj.weight',
    'model.norm.weight',
  ])
  const rows = async (name: string) => [...(await weights.read(name))].filter((_, i) => i % 2 === 0)
  t.strictSame(await rows('model.layers.0.self_attn.v_proj.weight'), [0, 2, 4, 6])
  t.strictSame(await rows('model.layers.0.self_attn.q_proj.weight'), [0, 4, 2, 6])
  await weights.close()
})

t.test('undoes the reordering of rows head by head', async t => {
  // convert_hf_to_gguf.py: reshape(heads, 2, D/2, columns).swapaxes(1, 2)
  const [heads, headDim, columns] = [3, 8, 2]
  const original = Float32Array.from({ length: heads * headDim * columns }, (_, i) => i)
  const permuted = new Float32Array(original.length)
  for (let head = 0; head < heads; head++)
    for (let half = 0; half < 2; half++)
      for (let j = 0; j < headDim / 2; j++)
        for (let column = 0; column < columns; column++) {
          const from = head * headDim + half * (headDim / 2) + j
          const to = head * headDim + 2 * j + half
          permuted[to * columns + column] = original[from * columns + column]!
        }
  t.notSame(permuted, original)
  unpermuteRows(permuted, columns, headDim)
  t.strictSame(permuted, original)
})

t.test('says of a file cut short what is expected and what is there', async t => {
  const whole = ggufBytes(METADATA, [f32('x', [8, 8]), f32('y', [8])])
  for (let length = 0; length < whole.length; length += 7) {
    const error = t.throws(() => readGgufHeader(write(t, whole.subarray(0, length))), malformed)
    const { message } = error as Error
    t.match(message, /cut short/)
    t.match(message, `has ${length}`)
  }
  t.throws(() => readGgufHeader(write(t, whole.subarray(0, -32))), {
    ...malformed,
    message: `model.gguf is cut short: ${whole.length} bytes expected by its header, the file has ${whole.length - 32}`,
  })
})

const change = (at: number, value: number) => {
  const bytes = ggufBytes(METADATA, [f32('x', [4])])
  bytes.writeUInt32LE(value, at)
  return bytes
}
const REFUSED: Record<string, [bytes: Buffer, reason: string, message: RegExp]> = {
  'another magic': [change(0, 0x12345678), 'ModelMalformed', /GGUF/],
  'version 1': [change(4, 1), 'ModelUnsupported', /version 1/],
  'a big-endian file': [change(4, 0x03000000), 'ModelUnsupported', /little-endian/],
  'a million tensors': [change(8, 1_000_000), 'ModelMalformed', /1000000 tensors/],
  'a billion keys': [change(16, 1_000_000_000), 'ModelMalformed', /1000000000 metadata keys/],
  'a key without end': [change(24, 0x7fffffff), 'ModelMalformed', /string of 2147483647 bytes/],
  'an unknown value type': [change(24 + 8 + 20, 99), 'ModelMalformed', /value type 99/],
  'a tensor twice': [
    ggufBytes(METADATA, [f32('x', [4]), f32('x', [4])]),
    'ModelMalformed',
    /"x" is there twice/,
  ],
  'a row that is not whole blocks': [
    ggufBytes(METADATA, [{ name: 'x', type: 8, shape: [2, 33], bytes: Buffer.alloc(68) }]),
    'ModelMalformed',
    /rows of 33/,
  ],
  'an empty dimension': [
    ggufBytes(METADATA, [{ name: 'x', type: 0, shape: [0], bytes: Buffer.alloc(0) }]),
    'ModelMalformed',
    /impossible shape/,
  ],
  'a dimension beyond memory': [
    ggufBytes(METADATA, [{ name: 'x', type: 0, shape: [2 ** 40], bytes: Buffer.alloc(4) }]),
    'ModelMalformed',
    /impossible shape/,
  ],
}
for (const [what, [bytes, reason, message]] of Object.entries(REFUSED))
  t.test(`refuses ${what}`, async t => {
    t.throws(() => readGgufHeader(write(t, bytes)), { name: 'StageError', reason, message })
  })

t.test('refuses to read a type that it does not decode, by its name', async t => {
  const bytes = ggufBytes(METADATA, [
    { name: 'x', type: 23, shape: [1, 256], bytes: Buffer.alloc(136) },
  ])
  const weights = await openWeights(folderOf(write(t, bytes)))
  await t.rejects(weights.read('x'), {
    name: 'StageError',
    reason: 'ModelUnsupported',
    message: /IQ4_XS.*Q8_0/,
  })
  await weights.close()
})

t.test('damaged bytes give a header, tensors or a StageError', async t => {
  const kinds = [
    { type: 14, bytes: 210 },
    { type: 12, bytes: 144 },
  ]
  const whole = ggufBytes(METADATA, [
    f32('x', [4]),
    ...kinds.map(({ type, bytes }) => ({
      name: `k${type}`,
      type,
      shape: [1, 256],
      bytes: Buffer.alloc(bytes, 7),
    })),
  ])
  const path = write(t, whole)
  const headerLength = whole.length - 32 - 224 - 160
  const damage = fc.array(fc.tuple(fc.nat(headerLength - 1), fc.nat(255)), {
    minLength: 1,
    maxLength: 8,
  })
  const readAll = async () => {
    const weights = await openWeights(folderOf(path))
    try {
      for (const name of weights.names) await weights.read(name)
    } finally {
      await weights.close()
    }
  }
  await readAll()
  await fc.assert(
    fc.asyncProperty(damage, fc.nat(64), async (changes, cut) => {
      const bytes = Buffer.from(whole.subarray(0, whole.length - cut))
      for (const [at, value] of changes) bytes[at] = value
      writeFileSync(path, bytes)
      try {
        await readAll()
      } catch (error) {
        if (!(error instanceof StageError)) throw error
      }
    }),
    { numRuns: 500 },
  )
})
