import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { StageError } from '../../../../trainer-image/src/stage-error.ts'
import { openBoundedFile } from '../../../../trainer-image/src/weights/bounded-file.ts'
import { openWeights } from '../../../../trainer-image/src/weights/open-weights.ts'
import { readSafetensorsHeader } from '../../../../trainer-image/src/weights/safetensors-header.ts'
import { writeSafetensors } from '../../../../trainer-image/src/weights/write-safetensors.ts'
import { safetensorsBytes } from '../../../fixtures/model/safetensors-bytes.ts'

const malformed = { name: 'StageError', reason: 'ModelMalformed' }
const data = Buffer.alloc(64, 1)
const tensor = (shape: unknown, offsets: unknown, dtype: unknown = 'F32') => ({
  dtype,
  shape,
  data_offsets: offsets,
})

const folderWith = (t: Test, files: Record<string, string | Buffer>) => t.testdir(files)

t.test('reads back what it writes, in the order of names', async t => {
  const folder = t.testdir()
  const values = { b: [1, -2.5, 3e-9, 0], a: [5, 6] }
  await writeSafetensors(join(folder, 'model.safetensors'), [
    { name: 'b', shape: [2, 2], read: () => Float32Array.from(values.b) },
    { name: 'a', shape: [2], read: async () => Float32Array.from(values.a) },
    { name: 'none', shape: [0, 3], read: () => new Float32Array() },
  ])
  t.strictSame(readdirSync(folder), ['model.safetensors'])
  const bytes = readFileSync(join(folder, 'model.safetensors'))
  t.match(bytes.toString('latin1', 8, 60), '{"__metadata__":{"format":"pt"},"a"')
  t.equal(Number(bytes.readBigUInt64LE()) % 8, 0)
  const weights = await openWeights(folder)
  t.strictSame(weights.names, ['a', 'b', 'none'])
  t.strictSame(weights.shape('b'), [2, 2])
  t.strictSame(await weights.read('b'), Float32Array.from(values.b))
  t.strictSame(await weights.read('none'), new Float32Array())
  await t.rejects(weights.read('c'), { ...malformed, message: /no tensor "c"/ })
  await weights.close()
})

t.test('leaves nothing of a file that could not be written', async t => {
  const folder = t.testdir()
  const short = [{ name: 'a', shape: [3], read: () => new Float32Array(2) }]
  await t.rejects(writeSafetensors(join(folder, 'x.safetensors'), short), TypeError)
  t.strictSame(readdirSync(folder), [])
})

const LIES: Record<string, [header: unknown, message: RegExp]> = {
  'a tensor that ends beyond the file': [{ a: tensor([17], [0, 68]) }, /cut short.*132.*128/],
  'a shape that its range does not hold': [{ a: tensor([4], [0, 64]) }, /64 bytes.*takes 16/],
  'two tensors that overlap': [
    { a: tensor([4], [0, 16]), b: tensor([4], [8, 24]) },
    /"a" and "b" overlap/,
  ],
  'a negative offset': [{ a: tensor([4], [-16, 0]) }, /offsets/],
  'an offset that is no number': [{ a: tensor([4], ['0', '16']) }, /offsets/],
  'a range backwards': [{ a: tensor([4], [16, 0]) }, /-16 bytes/],
  'an unknown dtype': [{ a: tensor([4], [0, 16], 'F99') }, /unknown dtype "F99"/],
  'a shape whose size overflows': [{ a: tensor([2 ** 40, 2 ** 40], [0, 16]) }, /takes/],
  'a negative size': [{ a: tensor([-4], [0, 16]) }, /impossible shape/],
  'no shape': [{ a: { dtype: 'F32', data_offsets: [0, 4] } }, /impossible shape/],
  'a tensor without description': [{ a: null }, /no description/],
  'a list': [[], /not a JSON object/],
  'text that is not JSON': ['{"a": ', /not JSON/],
}
for (const [what, [header, message]] of Object.entries(LIES))
  t.test(`refuses a header with ${what}`, async t => {
    const folder = folderWith(t, { 'model.safetensors': safetensorsBytes(header, data) })
    await t.rejects(openWeights(folder), { ...malformed, message })
  })

t.test('refuses a header length beyond the format or the file', async t => {
  const lengths = { '100000001': /100000001 bytes/, '1': /1 bytes/, '4096': /cut short.*4104.*72/ }
  for (const [length, message] of Object.entries(lengths)) {
    const bytes = Buffer.alloc(72, ' ')
    bytes.writeBigUInt64LE(BigInt(length))
    const folder = folderWith(t, { 'model.safetensors': bytes })
    await t.rejects(openWeights(folder), { ...malformed, message })
  }
  const huge = Buffer.alloc(72, 0xff)
  await t.rejects(openWeights(folderWith(t, { 'model.safetensors': huge })), malformed)
})

t.test('reads all three kinds of float, into the room that it is given', async t => {
  const f32 = Buffer.from(Float32Array.of(1, -2).buffer)
  const halves = Buffer.from(Uint16Array.of(0x3c00, 0xc000, 0x3f80, 0xc000).buffer)
  const header = {
    a: tensor([2], [0, 8]),
    b: tensor([2], [8, 12], 'F16'),
    c: tensor([2], [12, 16], 'BF16'),
  }
  const bytes = safetensorsBytes(header, Buffer.concat([f32, halves]))
  const weights = await openWeights(folderWith(t, { 'model.safetensors': bytes }))
  const room = new Float32Array(3)
  for (const name of weights.names) {
    t.strictSame(await weights.read(name), Float32Array.of(1, -2), name)
    const inRoom = await weights.read(name, room)
    t.strictSame([inRoom.length, inRoom.buffer === room.buffer], [2, true])
    t.strictSame([...room], [1, -2, 0])
    t.not((await weights.read(name, new Float32Array(1))).length, 1, 'takes its own if it is small')
    room.fill(0)
  }
  await weights.close()
})

t.test('refuses to read what is not a float', async t => {
  const bytes = safetensorsBytes({ a: tensor([8], [0, 64], 'I64') }, data)
  const weights = await openWeights(folderWith(t, { 'model.safetensors': bytes }))
  await t.rejects(weights.read('a'), {
    name: 'StageError',
    reason: 'ModelUnsupported',
    message: /"a".*I64.*F32, F16, BF16/,
  })
  await weights.close()
})

t.test('any bytes give a header or a StageError', async t => {
  const folder = t.testdir()
  const path = join(folder, 'x.safetensors')
  const header = fc.json().map(text => safetensorsBytes(text, data))
  const bytes = fc.oneof(header, fc.uint8Array({ maxLength: 200 }))
  await fc.assert(
    fc.asyncProperty(bytes, async content => {
      writeFileSync(path, content)
      const file = await openBoundedFile(path)
      try {
        await readSafetensorsHeader(file)
      } catch (error) {
        if (!(error instanceof StageError)) throw error
      } finally {
        await file.close()
      }
    }),
    { numRuns: 300 },
  )
})

t.test('joins the shards that the index names', async t => {
  const shard = (name: string, value: number) =>
    safetensorsBytes({ [name]: tensor([1], [0, 4]) }, Buffer.from(Float32Array.of(value).buffer))
  const index = { weight_map: { a: 'one.safetensors', b: 'two.safetensors' } }
  const files = {
    'model.safetensors.index.json': JSON.stringify(index),
    'one.safetensors': shard('a', 1),
    'two.safetensors': shard('b', 2),
    'left-over.safetensors': shard('c', 3),
  }
  const weights = await openWeights(folderWith(t, files))
  t.strictSame(weights.names, ['a', 'b'])
  t.strictSame(await weights.read('b'), Float32Array.of(2))
  await weights.close()
  const wrong = { ...files, 'two.safetensors': shard('c', 2) }
  await t.rejects(openWeights(folderWith(t, wrong)), { ...malformed, message: /"b".*two\.saf/ })
})

t.test('refuses an index that leads out of the folder', async t => {
  for (const name of ['../x.safetensors', '/etc/x.safetensors', 'a/b.safetensors', 'x.bin', 3]) {
    const index = JSON.stringify({ weight_map: { a: name } })
    const folder = folderWith(t, { 'model.safetensors.index.json': index })
    await t.rejects(openWeights(folder), { ...malformed, message: /a plain name/ })
  }
})

t.test('names what a folder lacks', async t => {
  await t.rejects(openWeights(folderWith(t, { 'config.json': '{}' })), {
    name: 'StageError',
    reason: 'SourceNotFound',
    message: /\.safetensors or one \*\.gguf/,
  })
  await t.rejects(openWeights(folderWith(t, { 'pytorch_model.bin': '' })), {
    name: 'StageError',
    reason: 'ModelUnsupported',
    message: /pickled/,
  })
})
