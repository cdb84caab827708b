/** Gradients that do not fit into float16: the step is computed again at half the loss scale. */
import t from 'tap'
import type {
  MicroBatch,
  TrainingEngine,
} from '../../../../trainer-image/src/session/training-engine.ts'
import { StageError } from '../../../../trainer-image/src/stage-error.ts'
import { NOTHING, runLoop } from '../../../fixtures/a-loop.ts'
import { quadraticEngine } from '../../../fixtures/quadratic-engine.ts'

const final = async (engine: TrainingEngine) => (await engine.state()).parameters.get('w')?.data[0]

const LARGEST = 2 ** 12

/** Gradients of a step are not finite while the loss is multiplied by more than `largest`. */
const overflowing = (engine: TrainingEngine, largest = LARGEST) => {
  const batches: MicroBatch[] = []
  const made: number[] = []
  const wrapped: TrainingEngine = {
    ...engine,
    accumulate: async batch => {
      batches.push(batch)
      return { lossSum: batch.targetTokens.length }
    },
    update: async options => {
      const held = batches.splice(0)
      if (held.some(({ lossScale }) => lossScale !== options.lossScale))
        throw new TypeError('one scale for a whole step')
      made.push(options.lossScale ?? Number.NaN)
      if ((options.lossScale ?? 1) > largest) return { gradientNorm: Number.POSITIVE_INFINITY }
      for (const batch of held) await engine.accumulate(batch)
      return engine.update(options)
    },
  }
  return { engine: wrapped, scales: made }
}

t.test('an overflow costs no data, no step and no bit', async t => {
  const plain = quadraticEngine()
  await runLoop(plain)
  const scaled = quadraticEngine()
  const { engine, scales } = overflowing(scaled)
  const told: (readonly number[])[] = []
  const { result, records, saved } = await runLoop(engine, NOTHING, {
    scalesLoss: true,
    overflowed: (step, scale) => void told.push([step, scale]),
  })
  t.match(result, { value: { counters: { step: 6 } } })
  t.equal(await final(scaled), await final(plain))
  // 2^16 over four targets is 2^14
  t.same(scales.slice(0, 4), [2 ** 14, 2 ** 13, 2 ** 12, 2 ** 12], 'it falls until they fit')
  t.same(told.slice(0, 2), [
    [1, 2 ** 16],
    [1, 2 ** 15],
  ])
  t.same(
    scaled.updates.slice(0, 3).map(({ step }) => step),
    [1, 2, 3],
  )
  const losses = records.filter(entry => 'lossScale' in entry)
  t.match(losses.slice(0, 2), [
    { step: 1, lossScale: 2 ** 14 },
    { step: 2, lossScale: 2 ** 14 },
  ])
  t.match(saved[0], { step: 2, lossScale: { scale: 2 ** 14, updates: 2 } }, 'a checkpoint has it')
})

t.test('a training that is taken up goes on with the scale of its checkpoint', async t => {
  const whole = overflowing(quadraticEngine())
  const { saved } = await runLoop(whole.engine, NOTHING, { scalesLoss: true })
  const rest = overflowing(quadraticEngine())
  await runLoop(rest.engine, saved[0], { scalesLoss: true })
  t.same(rest.scales, whole.scales.slice(-rest.scales.length))
})

t.test('gradients that fit at no scale end the training', async t => {
  const { engine, scales } = overflowing(quadraticEngine(), 0)
  const { result } = await runLoop(engine, NOTHING, { scalesLoss: true })
  t.match(result, { error: StageError })
  t.match(result, { error: { reason: 'TrainingDiverged', message: /gradient norm Infinity/ } })
  t.equal(scales.length, 17, 'from 2^16 to 1')
})

t.test('where the loss is not scaled nothing is tried again', async t => {
  const { engine, scales } = overflowing(quadraticEngine(), 0)
  const { result } = await runLoop(engine)
  t.match(result, { error: { reason: 'TrainingDiverged' } })
  t.equal(scales.length, 1)
})
