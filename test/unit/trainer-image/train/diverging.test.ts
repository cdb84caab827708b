import t from 'tap'
import { NOTHING, runLoop } from '../../../fixtures/a-loop.ts'
import { quadraticEngine } from '../../../fixtures/quadratic-engine.ts'

const LARGE = 1e6
const from = (start: number, end = Number.POSITIVE_INFINITY) => ({
  factor: (updates: number) => (updates >= start && updates < end ? LARGE : 1),
})
const options = { totalSteps: 40, evaluateEvery: 100, checkpointEvery: 3 }

t.test('a loss that runs away ends the run, with the state of before kept', async t => {
  const engine = quadraticEngine(undefined, from(10))
  const { saved, result } = await runLoop(engine, NOTHING, options)
  t.match(result, {
    error: {
      reason: 'TrainingDiverged',
      message: /^step 18: loss \d+\.\d+, in 8 steps in a row over 3 × the median .*learningRate/,
    },
  })
  t.equal(saved.at(-1)?.step, 10, 'nothing is saved of the steps in doubt')
  t.match(saved.at(-1)?.history, { streak: 0 })
})

t.test('a few large losses end nothing', async t => {
  const { saved, result } = await runLoop(
    quadraticEngine(undefined, from(10, 17)),
    NOTHING,
    options,
  )
  t.match(result, { value: { counters: { step: 40 } } })
  const steps = saved.map(({ step }) => step)
  t.strictSame(steps.slice(2, 6), [9, 10, 18, 21], 'the state before them is saved')
})

t.test('a stop in doubt keeps the checkpoint of before, and the resume tells the same', async t => {
  const controller = new AbortController()
  const first = await runLoop(quadraticEngine(undefined, from(10)), NOTHING, {
    ...options,
    signal: controller.signal,
    onStep: step => void (step === 13 && controller.abort()),
  })
  t.match(first.result, {
    error: { message: 'stopped after step 13 of 40; the checkpoint of step 10 is kept' },
  })
  const saved = first.saved.at(-1)
  t.equal(saved?.step, 10)
  const second = await runLoop(quadraticEngine(undefined, from(10), 10), saved, options)
  t.match(second.result, { error: { message: /^step 18: / } })
  t.strictSame(second.saved, [])
})

t.test('the losses before a resume are what those after it are compared with', async t => {
  const first = await runLoop(quadraticEngine(), NOTHING, { ...options, totalSteps: 5 })
  const second = await runLoop(quadraticEngine(undefined, from(0)), first.saved.at(-1), options)
  t.match(second.result, { error: { message: /^step 13: / } })
})
