import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Tensor } from '../../../../trainer-image/src/model/adapter.ts'
import { readAdapter, writeAdapter } from '../../../../trainer-image/src/publish/peft-adapter.ts'
import { openBoundedFile } from '../../../../trainer-image/src/weights/bounded-file.ts'
import { readSafetensorsHeader } from '../../../../trainer-image/src/weights/safetensors-header.ts'
import { readRecorded } from '../../../fixtures/model/smollm2.ts'

type Recorded = {
  tensors: Record<string, number[]>
  config: Record<string, unknown>
}
const recorded = readRecorded<Recorded>('peft-adapter.json')

const DESCRIPTION = {
  config: {
    rank: 4,
    alpha: 8,
    targetModules: ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'],
  },
  baseModel: 'base',
}
const tensors = () =>
  new Map<string, Tensor>(
    Object.entries(recorded.tensors).map(([name, shape], i) => {
      const count = shape.reduce((a, b) => a * b, 1)
      return [name, { shape, data: Float32Array.from({ length: count }, (_, j) => i + j / 1000) }]
    }),
  )
const written = async (t: Test) => {
  const folder = t.testdir()
  await writeAdapter(folder, tensors(), DESCRIPTION)
  return folder
}

t.test('writes the tensors that PEFT writes', async t => {
  const folder = await written(t)
  t.strictSame(readdirSync(folder).sort(), ['adapter_config.json', 'adapter_model.safetensors'])
  const file = await openBoundedFile(join(folder, 'adapter_model.safetensors'))
  const { entries, metadata } = await readSafetensorsHeader(file)
  await file.close()
  const shapes = Object.fromEntries([...entries].map(([name, { shape }]) => [name, shape]))
  t.same(shapes, recorded.tensors)
  t.strictSame(metadata, { format: 'pt' })
  t.ok([...entries.values()].every(({ dtype }) => dtype === 'F32'))
})

t.test(
  'writes a configuration that says what PEFT says, in the keys that all releases know',
  async t => {
    const text = readFileSync(join(await written(t), 'adapter_config.json'), 'utf8')
    const config = JSON.parse(text)
    // a set in PEFT, written in any order
    const sorted = (value: unknown) => (Array.isArray(value) ? value.toSorted() : value)
    for (const [key, value] of Object.entries(config)) {
      t.ok(Object.hasOwn(recorded.config, key), `PEFT knows ${key}`)
      t.strictSame(sorted(value), sorted(recorded.config[key]), key)
    }
    t.strictSame(Object.keys(config), Object.keys(config).toSorted(), 'sorted')
    t.match(text, /^\{\n {2}"alpha_pattern"/)
  },
)

t.test('reads back what it wrote, and gives equal bytes for equal adapters', async t => {
  const folder = await written(t)
  const { tensors: read, ...description } = await readAdapter(folder)
  t.strictSame(description, {
    ...DESCRIPTION,
    config: { ...DESCRIPTION.config, targetModules: DESCRIPTION.config.targetModules.toSorted() },
  })
  t.strictSame(new Map(read), tensors())
  const again = join(folder, 'again')
  mkdirSync(again)
  await writeAdapter(again, new Map([...read].reverse()), DESCRIPTION)
  for (const name of ['adapter_config.json', 'adapter_model.safetensors'])
    t.ok(readFileSync(join(again, name)).equals(readFileSync(join(folder, name))), name)
})

t.test('keeps the revision of the base model', async t => {
  const folder = t.testdir()
  await writeAdapter(folder, tensors(), { ...DESCRIPTION, baseRevision: 'abc' })
  t.equal((await readAdapter(folder)).baseRevision, 'abc')
})

const REFUSED: Record<string, [change: object, reason: string]> = {
  'another method': [{ peft_type: 'IA3' }, 'ModelUnsupported'],
  'DoRA and rank-stabilized scaling at once': [
    { use_dora: true, use_rslora: true },
    'ModelUnsupported',
  ],
  'ranks that differ': [{ rank_pattern: { q_proj: 2 } }, 'ModelUnsupported'],
  'trained biases': [{ bias: 'all' }, 'ModelUnsupported'],
  'a base of its own': [{ init_lora_weights: 'pissa_niter_4' }, 'ModelUnsupported'],
  'a rank that is none': [{ r: 0 }, 'ModelMalformed'],
  'another rank than its tensors': [{ r: 5 }, 'ModelMalformed'],
  'targets that are no list': [{ target_modules: 4 }, 'ModelMalformed'],
}
for (const [what, [change, reason]] of Object.entries(REFUSED))
  t.test(`refuses to read an adapter with ${what}`, async t => {
    const folder = await written(t)
    const path = join(folder, 'adapter_config.json')
    writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), ...change }))
    await t.rejects(readAdapter(folder), { name: 'StageError', reason })
  })
