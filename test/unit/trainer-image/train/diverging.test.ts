import t from 'tap'
import { aRow } from '../../../fixtures/a-row.ts'
import { NOTHING, runLoop } from '../../../fixtures/a-loop.ts'
import { engineOf, runNamed } from '../../../fixtures/parity/recorded-run.ts'
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
      message:
        /^step 18: loss \d+\.\d+, in 8 steps in a row over 3 × the median .*; the checkpoint of step 9 is kept; .*learningRate/,
    },
  })
  t.equal(saved.at(-1)?.step, 9, 'nothing is saved of the steps in doubt')
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
  t.strictSame(steps.slice(2, 5), [9, 18, 21], 'nothing is saved while they last')
})

t.test('a stop in doubt saves what there is, and the resume comes to the same end', async t => {
  const controller = new AbortController()
  const first = await runLoop(quadraticEngine(undefined, from(10)), NOTHING, {
    ...options,
    signal: controller.signal,
    onStep: step => void (step === 13 && controller.abort()),
  })
  t.match(first.result, {
    error: { message: 'stopped after step 13 of 40; a checkpoint is saved' },
  })
  const saved = first.saved.at(-1)
  t.match(saved, { step: 13, history: { streak: 3 } })
  const second = await runLoop(quadraticEngine(undefined, from(10), 13), saved, options)
  t.match(second.result, { error: { message: /^step 18: / } })
  t.strictSame(second.saved, [])
})

t.test('the losses before a resume are what those after it are compared with', async t => {
  const first = await runLoop(quadraticEngine(), NOTHING, { ...options, totalSteps: 5 })
  const second = await runLoop(quadraticEngine(undefined, from(0)), first.saved.at(-1), options)
  t.match(second.result, { error: { message: /^step 13: / } })
})

t.test('a learning rate that is too high is told of a real training', async t => {
  const engine = await engineOf(runNamed('tied'), t.testdir({}))
  t.teardown(() => engine.close())
  const rows = Array.from({ length: 10 }, (_, i) =>
    aRow(16, { tokens: [i + 1, i + 11], answer: 1 }),
  )
  const set = { count: 10, tokens: 20, targets: 10, row: (i: number) => rows[i] ?? aRow(16) }
  const data = { sequenceLength: 16, train: set, validation: set, examples: [] }
  const learningRate = (step: number) => (step < 40 ? 0.02 : 1000)
  const { saved, result } = await runLoop(engine, NOTHING, {
    ...options,
    data,
    totalSteps: 60,
    learningRate,
  })
  t.match(result, { error: { reason: 'TrainingDiverged', message: /^step 49: .*learningRate/ } })
  t.equal(saved.at(-1)?.step, 39, 'the last one before the first update of that rate')
  t.ok((saved.at(-1)?.lastLoss ?? 9) < 0.5)
})

t.test('a gradient that is not finite keeps the state of before', async t => {
  const engine = quadraticEngine(undefined, { norm: updates => (updates === 4 ? Infinity : 1) })
  const { saved, result } = await runLoop(engine, NOTHING, options)
  t.match(result, {
    error: {
      message: /^step 5: loss .*, gradient norm Infinity; the checkpoint of step 4 is kept; lower/,
    },
  })
  t.equal(saved.at(-1)?.step, 4)
})
