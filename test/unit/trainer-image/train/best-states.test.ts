import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { EngineState } from '../../../../trainer-image/src/session/training-engine.ts'
import { bestStatesIn } from '../../../../trainer-image/src/train/best-states.ts'
import {
  type Counters,
  loadCheckpoint,
  saveCheckpoint,
} from '../../../../trainer-image/src/train/checkpoint.ts'

const tensors = (value: number) =>
  new Map([['w', { shape: [2], data: Float32Array.of(value, -value) }]])
const stateOf = (value: number): EngineState => ({
  parameters: tensors(value),
  firstMoments: tensors(0),
  secondMoments: tensors(0),
})
const countersOf = (step: number, best?: number): Counters => ({
  ...{ step, tokens: 1, seconds: 1, lastLoss: 1 },
  ...(best === undefined ? {} : { best: { step: best, loss: 1, tokenAccuracy: 0 } }),
})

const open = (t: Test) => {
  const folder = t.testdir({ best: {}, checkpoints: {} })
  const [best, checkpoints] = [join(folder, 'best'), join(folder, 'checkpoints')]
  const states = bestStatesIn(best, checkpoints)
  const save = async (step: number, named: number) => {
    await saveCheckpoint(checkpoints, { counters: countersOf(step, named), state: stateOf(9) }, 2)
    await states.prune()
  }
  const steps = async () => (await readdir(best)).map(name => Number(name.slice(5)))
  return { best, checkpoints, states, save, steps }
}

t.test('parameters come back by their step, without moments', async t => {
  const { states } = open(t)
  await states.save(countersOf(3), stateOf(0.1))
  t.strictSame(await states.load(3), tensors(0.1))
  t.equal(await states.load(4), undefined)
})

t.test('what a checkpoint names stays for as long as the checkpoint does', async t => {
  const { states, save, steps } = open(t)
  await states.save(countersOf(2), stateOf(2))
  await save(4, 2)
  await states.save(countersOf(5), stateOf(5))
  await states.save(countersOf(6), stateOf(6))
  t.strictSame(await steps(), [2, 6], 'no checkpoint came between 5 and 6')
  await save(8, 6)
  t.strictSame(await steps(), [2, 6], 'a resume may still go on from step 4')
  await save(12, 6)
  t.strictSame(await steps(), [6])
})

t.test('a checkpoint whose best is damaged is passed over', async t => {
  const { best, checkpoints, states, save } = open(t)
  await states.save(countersOf(2), stateOf(2))
  await save(4, 2)
  await states.save(countersOf(6), stateOf(6))
  await save(8, 6)
  t.equal((await loadCheckpoint(checkpoints, states.has))?.counters.step, 8)
  await writeFile(join(best, 'step-00000006', 'state.safetensors'), 'x')
  t.equal((await loadCheckpoint(checkpoints, states.has))?.counters.step, 4)
})
