import { appendFile, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { removeTemporaries, temporaryFor } from '../../../../trainer-image/src/atomic-file.ts'
import {
  type Counters,
  loadCheckpoint,
  saveCheckpoint,
} from '../../../../trainer-image/src/train/checkpoint.ts'

const tensors = (...values: number[]) =>
  new Map([['layers.0.lora_A.weight', { shape: [values.length], data: Float32Array.from(values) }]])
const state = (seed: number) => ({
  parameters: tensors(seed, 2 ** -20),
  firstMoments: tensors(0.1, seed),
  secondMoments: tensors(seed * seed, 1e-30),
})
const counters = (step: number): Counters => ({
  step,
  tokens: step * 100,
  seconds: step / 10,
  lastLoss: 1 / 3,
})
const at = (step: number) => ({ counters: counters(step), state: state(step) })

t.test('what is saved reads back to the bit', async t => {
  const folder = t.testdir({})
  await saveCheckpoint(folder, at(7), 2)
  t.strictSame(await loadCheckpoint(folder), at(7))
})

t.test('only the newest are kept', async t => {
  const folder = t.testdir({})
  for (const step of [5, 10, 15]) await saveCheckpoint(folder, at(step), 2)
  t.strictSame((await readdir(folder)).toSorted(), ['step-00000010', 'step-00000015'])
  t.equal((await loadCheckpoint(folder))?.counters.step, 15)
})

t.test('a damaged checkpoint is passed over', async t => {
  const damages: Record<string, (newest: string) => Promise<unknown>> = {
    'a byte too many': newest => appendFile(join(newest, 'state.safetensors'), 'x'),
    'tensors of another': newest => writeFile(join(newest, 'state.safetensors'), 'no header'),
    'manifest cut short': newest => writeFile(join(newest, 'checkpoint.json'), '{"format":1,'),
  }
  for (const [name, damage] of Object.entries(damages)) {
    const folder = t.testdir({ [name.replaceAll(' ', '-')]: {} })
    await saveCheckpoint(folder, at(1), 2)
    await saveCheckpoint(folder, at(2), 2)
    await damage(join(folder, 'step-00000002'))
    t.equal((await loadCheckpoint(folder))?.counters.step, 1, name)
  }
})

t.test('damaged checkpoints of later steps do not drive out those saved now', async t => {
  for (const keep of [1, 2]) {
    const folder = t.testdir({ [`keep-${keep}`]: {} })
    for (const step of [30, 40]) await saveCheckpoint(folder, at(step), 2)
    for (const name of await readdir(folder))
      await appendFile(join(folder, name, 'state.safetensors'), 'x')
    t.equal(await loadCheckpoint(folder), undefined)
    for (const step of [10, 20]) {
      await saveCheckpoint(folder, at(step), keep)
      t.strictSame(await loadCheckpoint(folder), at(step), `step ${step}, ${keep} kept`)
    }
  }
})

t.test('a save keeps its own, even beside those of later steps', async t => {
  const folder = t.testdir({})
  for (const step of [30, 40]) await saveCheckpoint(folder, at(step), 2)
  await appendFile(join(folder, 'step-00000040', 'state.safetensors'), 'x')
  await saveCheckpoint(folder, at(33), 2)
  t.strictSame(await loadCheckpoint(folder), at(33))
})

t.test('a checkpoint that cannot be read now is no damaged one', async t => {
  const folder = t.testdir({})
  await saveCheckpoint(folder, at(1), 2)
  await mkdir(join(folder, 'step-00000002', 'checkpoint.json'), { recursive: true })
  await t.rejects(loadCheckpoint(folder), { code: 'EISDIR' })
  t.equal((await readdir(folder)).length, 2)
})

t.test('a write that was cut off is no checkpoint and is in nobody’s way', async t => {
  const folder = t.testdir({})
  await saveCheckpoint(folder, at(3), 2)
  const half = temporaryFor(join(folder, 'step-00000004'))
  await mkdir(half)
  await writeFile(join(half, 'state.safetensors'), 'half')
  t.equal((await loadCheckpoint(folder))?.counters.step, 3)
  await saveCheckpoint(folder, at(4), 2)
  t.equal((await loadCheckpoint(folder))?.counters.step, 4)
  await removeTemporaries(folder)
  t.strictSame((await readdir(folder)).toSorted(), ['step-00000003', 'step-00000004'])
})

t.test('two that save the same step at once leave one whole checkpoint', async t => {
  const folder = t.testdir({})
  for (let round = 1; round <= 10; round += 1) {
    await Promise.all([saveCheckpoint(folder, at(round), 1), saveCheckpoint(folder, at(round), 1)])
    t.strictSame(await loadCheckpoint(folder), at(round))
  }
  t.strictSame(await readdir(folder), ['step-00000010'])
})

t.test('a save that fails leaves nothing behind', async t => {
  const folder = t.testdir({})
  const { counters, state: whole } = at(1)
  const broken = new Map([['w', { shape: [2], data: Float32Array.from([1]) }]])
  await t.rejects(saveCheckpoint(folder, { counters, state: { ...whole, parameters: broken } }, 1))
  t.strictSame(await readdir(folder), [])
})

t.test('without one there is none', async t => {
  t.equal(await loadCheckpoint(join(t.testdir({}), 'absent')), undefined)
})
