import t from 'tap'
import {
  checkComparisons,
  type Goal,
  goalOf,
  isOutOfPatience,
  type Standing,
  standingAfter,
} from '../../../../trainer-image/src/train/best.ts'
import { NOTHING, type Ran, runLoop } from '../../../fixtures/a-loop.ts'
import { quadraticEngine } from '../../../fixtures/quadratic-engine.ts'

const LOSS: Goal = { metric: 'validation/loss', patience: 2, minDelta: 0.1, keepBest: true }

const standing = (goal: Goal, losses: readonly number[]): Standing =>
  losses.reduce<Standing>(
    (before, loss, i) =>
      standingAfter(before, { step: i + 1, loss, tokenAccuracy: 1 - loss }, goal),
    {},
  )

t.test('the best is best by any margin, and patience asks for more', async t => {
  t.match(standing(LOSS, [0.9, 0.5, 0.7]), { best: { step: 2, loss: 0.5 }, withoutGain: 1 })
  t.match(standing(LOSS, [0.5, 0.45, 0.41]), { best: { step: 3 }, withoutGain: 2 })
  t.match(
    standing(LOSS, [0.5, 0.5]),
    { best: { step: 1 }, withoutGain: 1 },
    'the earlier of equals',
  )
  const accuracy: Goal = { ...LOSS, metric: 'validation/tokenAccuracy' }
  t.match(standing(accuracy, [0.9, 0.5, 0.7]), { best: { step: 2, tokenAccuracy: 0.5 } })
})

t.test('what is not a number is never the best', async t => {
  t.match(standing(LOSS, [Number.NaN, Number.NaN]), { withoutGain: 2 })
  t.match(standing(LOSS, [0.5, Number.NaN]), { best: { step: 1 }, withoutGain: 1 })
  t.ok(isOutOfPatience(standing(LOSS, [Number.NaN, Number.NaN]), LOSS))
})

t.test('early stopping keeps the best unless told otherwise', async t => {
  const earlyStopping = { metric: 'validation/loss' as const, patience: 3, minDelta: 0 }
  t.equal(goalOf({}), undefined)
  t.equal(goalOf({ keepBest: false }), undefined)
  t.match(goalOf({ earlyStopping }), { patience: 3, keepBest: true })
  t.match(goalOf({ earlyStopping, keepBest: false }), { patience: 3, keepBest: false })
  t.match(goalOf({ keepBest: true }), { metric: 'validation/loss', keepBest: true })
  t.notOk(isOutOfPatience({ withoutGain: 99 }, goalOf({ keepBest: true })))
})

t.test('without validation data there is nothing to compare', async t => {
  checkComparisons({}, { count: 0 })
  checkComparisons({ keepBest: true }, { count: 1 })
  t.throws(() => checkComparisons({ keepBest: true }, { count: 0 }), {
    reason: 'InvalidSpec',
    message: /training.keepBest compares validations, and no example is held out; give dataset/,
  })
})

/** Validation loss after so many steps: the least at 4. */
const valley = (step: number) => Math.abs(step - 4) + 1
const options = { totalSteps: 20, evaluateEvery: 1, goal: { ...LOSS, minDelta: 0 } }
const engineAt = (step = 0) => quadraticEngine(undefined, { validation: valley }, step)
const resultOf = ({ result }: Ran) => ('value' in result ? result.value : result)

t.test('training ends once its patience does, and results in the best', async t => {
  const ran = await runLoop(engineAt(), NOTHING, options)
  t.match(resultOf(ran), {
    counters: { step: 6, withoutGain: 2 },
    stoppedEarly: true,
    kept: { step: 4, loss: 1 },
  })
  t.strictSame(ran.kept, [1, 2, 3, 4])
  t.equal(ran.saved.at(-1)?.step, 6)
})

t.test('stopped at any step and resumed, it ends at the same step with the same best', async t => {
  for (const stopAt of [1, 3, 4, 5, 6]) {
    const controller = new AbortController()
    const first = await runLoop(engineAt(), NOTHING, {
      ...options,
      signal: controller.signal,
      onStep: step => void (step === stopAt && controller.abort()),
    })
    const saved = first.saved.at(-1)
    t.equal(saved?.step, stopAt)
    const second = await runLoop(engineAt(stopAt), saved, options)
    t.match(second.result, { value: { stoppedEarly: true } })
    t.match(resultOf(second), { counters: { step: 6, withoutGain: 2 }, kept: { step: 4, loss: 1 } })
  }
})

t.test('where it stops in between does not change what follows', async t => {
  const slow = { ...options, evaluateEvery: 3, scheduledSteps: 20 }
  const whole = await runLoop(engineAt(), NOTHING, slow)
  t.match(resultOf(whole), { counters: { step: 9 }, kept: { step: 3, loss: 2 } })
  const part = await runLoop(engineAt(), NOTHING, { ...slow, totalSteps: 4 })
  t.match(
    resultOf(part),
    { counters: { step: 4, best: { step: 3 }, withoutGain: 0 }, stoppedEarly: false },
    'a validation that a whole training would not make is not compared',
  )
  t.notOk('kept' in resultOf(part), 'yet it is better, so it is what this part results in')
  const rest = await runLoop(engineAt(4), part.saved.at(-1), slow)
  t.match(resultOf(rest), { counters: { step: 9 }, kept: { step: 3, loss: 2 } })
  const worse = await runLoop(engineAt(), NOTHING, { ...slow, totalSteps: 8 })
  t.match(resultOf(worse), { counters: { step: 8 }, kept: { step: 3 } })
})

t.test('patience that ends with the last step stops nothing early', async t => {
  const ran = await runLoop(engineAt(), NOTHING, { ...options, totalSteps: 6 })
  t.match(resultOf(ran), { counters: { step: 6, withoutGain: 2 }, stoppedEarly: false })
})

t.test('the best alone ends nothing', async t => {
  const goal: Goal = { metric: 'validation/loss', minDelta: 0, keepBest: true }
  const ran = await runLoop(engineAt(), NOTHING, { ...options, totalSteps: 10, goal })
  t.match(resultOf(ran), { counters: { step: 10 }, stoppedEarly: false, kept: { step: 4 } })
})

t.test('early stopping alone results in the last step', async t => {
  const goal: Goal = { ...LOSS, minDelta: 0, keepBest: false }
  const ran = await runLoop(engineAt(), NOTHING, { ...options, goal })
  t.match(resultOf(ran), { counters: { step: 6 }, stoppedEarly: true })
  t.notOk('kept' in resultOf(ran))
  t.strictSame(ran.kept, [])
})
