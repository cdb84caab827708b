import t from 'tap'
import type { ParameterSlot } from '../../../../trainer-image/src/model/trainable.ts'
import {
  flatten,
  STATE_PARTS,
  stateRoom,
} from '../../../../trainer-image/src/session/flat-state.ts'
import { loadCheckpoint, saveCheckpoint } from '../../../../trainer-image/src/train/checkpoint.ts'

const slot = (name: string, offset: number, size: number): ParameterSlot => ({
  name,
  shape: [size],
  offset,
  size,
  rateFactor: 1,
  decays: true,
})
const SLOTS = [slot('model.norm.weight', 0, 3), slot('lm_head.weight', 3, 2)]

const tensors = (first: number) =>
  new Map(
    SLOTS.map(({ name, shape, offset, size }) => [
      name,
      { shape, data: Float32Array.from({ length: size }, (_, i) => first + offset + i) },
    ]),
  )
const STATE = { parameters: tensors(1), firstMoments: tensors(10), secondMoments: tensors(100) }
const COUNTERS = { step: 4, tokens: 9, seconds: 1, lastLoss: 2 }

t.test('a checkpoint is read to where the engine computes, and lies there once', async t => {
  const folder = t.testdir({})
  await saveCheckpoint(folder, { counters: COUNTERS, state: STATE }, 1)
  const room = stateRoom(SLOTS)
  const found = await loadCheckpoint(folder, undefined, room.place)
  t.strictSame(found, { counters: COUNTERS, state: STATE })
  for (const [index, part] of STATE_PARTS.entries()) {
    const flat = room.state()[part]
    const first = 10 ** index
    t.strictSame(
      [...flat],
      [0, 1, 2, 3, 4].map(i => first + i),
      part,
    )
    for (const { data } of found?.state[part].values() ?? []) t.equal(data.buffer, flat.buffer)
    flatten(SLOTS, found?.state[part] ?? new Map(), flat)
    t.strictSame(
      [...flat],
      [0, 1, 2, 3, 4].map(i => first + i),
      'and stays as it was',
    )
  }
})

t.test('values of elsewhere are copied', async t => {
  const flat = new Float32Array(5)
  flatten(SLOTS, tensors(1), flat)
  t.strictSame([...flat], [1, 2, 3, 4, 5])
  t.throws(() => flatten(SLOTS, new Map(), flat), { message: /lack model\.norm\.weight/ })
})

t.test('what the engine has no place for has memory of its own', async t => {
  const folder = t.testdir({})
  await saveCheckpoint(folder, { counters: COUNTERS, state: STATE }, 1)
  const room = stateRoom([slot('model.norm.weight', 0, 4)])
  t.strictSame(await loadCheckpoint(folder, undefined, room.place), {
    counters: COUNTERS,
    state: STATE,
  })
  t.ok(room.state().parameters.every(value => value === 0))
})
