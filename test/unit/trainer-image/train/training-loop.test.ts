import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import type { TrainingEngine } from '../../../../trainer-image/src/session/training-engine.ts'
import { StageError, StageStopped } from '../../../../trainer-image/src/stage-error.ts'
import { NOTHING, runLoop } from '../../../fixtures/a-loop.ts'
import { aRow } from '../../../fixtures/a-row.ts'
import { quadraticEngine } from '../../../fixtures/quadratic-engine.ts'

const final = async (engine: TrainingEngine) => (await engine.state()).parameters.get('w')?.data[0]

t.test('runs every step, checkpoints and validates on time', async t => {
  const engine = quadraticEngine()
  const { saved, records, times, result } = await runLoop(engine)
  t.match(result, { value: { counters: { step: 6 } } })
  const told = (part: string) => times.filter(name => name === part).length
  t.strictSame(
    Object.fromEntries([...new Set(times)].map(part => [part, told(part)])),
    { data: 6, step: 6, gradients: 6, update: 6, validation: 2, checkpoint: 3 },
    'the time of each step and of its parts is told',
  )
  t.strictSame(
    saved.map(counters => counters.step),
    [2, 4, 6],
  )
  t.equal(records.filter(entry => 'validationLoss' in entry).length, 2)
  t.strictSame(
    engine.updates.map(update => update.step),
    [1, 2, 3, 4, 5, 6],
  )
  t.strictSame(
    engine.updates.map(update => update.targets),
    [4, 4, 2, 4, 4, 2],
    'the ragged window has its own count',
  )
})

t.test('the size of a micro-batch changes nothing', async t => {
  const engines = [quadraticEngine(), quadraticEngine()] as const
  await runLoop(engines[0], NOTHING, { microBatchSize: 1 })
  await runLoop(engines[1], NOTHING, { microBatchSize: 4 })
  t.equal(await final(engines[0]), await final(engines[1]))
})

t.test('the next rows are read while a micro-batch is computed', async t => {
  const engine = quadraticEngine()
  const events: string[] = []
  const row = aRow(16, { tokens: [1, 2], answer: 1 })
  const rows = { count: 4, tokens: 8, targets: 4, row: () => row }
  await runLoop(
    {
      ...engine,
      accumulate: async batch => {
        events.push('begins')
        await setImmediate()
        await setImmediate()
        events.push('ends')
        return engine.accumulate(batch)
      },
    },
    NOTHING,
    {
      data: {
        sequenceLength: 16,
        train: {
          ...rows,
          row: () => {
            events.push('read')
            return row
          },
        },
        validation: { ...rows, count: 0 },
        examples: [],
      },
      plan: { rows: 4, batchSize: 2, seed: 1 },
      totalSteps: 3,
    },
  )
  t.strictSame(events, [
    ...['read', 'read', 'begins', 'read', 'read', 'ends'],
    ...['begins', 'read', 'read', 'ends'],
    ...['begins', 'ends'],
  ])
})

t.test('stopped at any step and resumed, it ends at the same bits', async t => {
  const whole = quadraticEngine()
  await runLoop(whole)
  for (const stopAt of [1, 2, 3, 5]) {
    const controller = new AbortController()
    const first = quadraticEngine()
    const { saved, result } = await runLoop(first, NOTHING, {
      signal: controller.signal,
      onStep: step => void (step === stopAt && controller.abort()),
    })
    t.match(result, { error: StageStopped })
    const checkpoint = saved.at(-1)
    t.equal(checkpoint?.step, stopAt, 'the checkpoint is of the last whole step')
    const second = quadraticEngine(await first.state())
    await runLoop(second, checkpoint ?? NOTHING)
    t.equal(await final(second), await final(whole), `stopped at ${stopAt}`)
  }
})

t.test('a loss that is no number keeps the last good state and says what to do', async t => {
  const engine = quadraticEngine(undefined, { poison: 3 })
  const { saved, result } = await runLoop(engine)
  t.match(result, { error: StageError })
  t.match(result, {
    error: { reason: 'TrainingDiverged', message: /step 4: loss NaN.*learningRate/ },
  })
  t.equal(saved.at(-1)?.step, 3)
  t.equal(engine.updates.length, 3, 'nothing was updated with it')
})

t.test('a stop that came between a step and its validation does not lose the point', async t => {
  const controller = new AbortController()
  const engine = quadraticEngine()
  const stopsWhileValidating: TrainingEngine = {
    ...engine,
    evaluate: batch => {
      controller.abort()
      return engine.evaluate(batch)
    },
  }
  const first = await runLoop(stopsWhileValidating, NOTHING, { signal: controller.signal })
  t.match(first.result, { error: { message: /after step 3 of 6/ } })
  t.notOk(first.records.some(entry => 'validationLoss' in entry))
  const second = await runLoop(quadraticEngine(await engine.state()), first.saved.at(-1) ?? NOTHING)
  const validated = second.records.filter(entry => 'validationLoss' in entry)
  t.match(validated, [{ step: 3 }, { step: 6 }])
})

t.test('a stop while the last validation runs is a stop, and the resume measures it', async t => {
  const controller = new AbortController()
  const engine = quadraticEngine()
  const stopsAtTheEnd: TrainingEngine = {
    ...engine,
    evaluate: batch => {
      if (engine.updates.length === 6) controller.abort()
      return engine.evaluate(batch)
    },
  }
  const first = await runLoop(stopsAtTheEnd, NOTHING, { signal: controller.signal })
  t.match(first.result, { error: StageStopped })
  t.match(first.result, { error: { message: 'stopped after step 6 of 6; a checkpoint is saved' } })
  const saved = first.saved.at(-1)
  t.match(saved, { step: 6, validatedStep: 3 })
  const again = await runLoop(quadraticEngine(await engine.state()), saved ?? NOTHING, {
    signal: AbortSignal.abort(),
  })
  t.match(again.result, { error: StageStopped }, 'nor does a second stop pass for an end')
  const second = await runLoop(quadraticEngine(await engine.state()), saved ?? NOTHING)
  t.match(second.result, { value: { counters: { step: 6, validatedStep: 6 } } })
})

t.test('a stop after the last validation comes too late to be one', async t => {
  const controller = new AbortController()
  const { result } = await runLoop(quadraticEngine(), NOTHING, {
    signal: controller.signal,
    onStep: step => void (step === 6 && controller.abort()),
  })
  t.match(result, { value: { counters: { step: 6, validatedStep: 6 } } })
})

t.test('no number at the first step is not blamed on the learning rate', async t => {
  const { saved, result } = await runLoop(quadraticEngine(undefined, { poison: 0 }))
  t.match(result, {
    error: { reason: 'TrainingDiverged', message: /step 1: loss NaN.*base model are not finite/ },
  })
  t.notMatch((result as { error: Error }).error.message, 'lower')
  t.strictSame(saved, [])
})

t.test('a stop while a session is made takes no step', async t => {
  const controller = new AbortController()
  const engine = quadraticEngine()
  const opening: TrainingEngine = {
    ...engine,
    open: async () => controller.abort(),
    accumulate: async batch => {
      t.fail('nothing is computed any more')
      return engine.accumulate(batch)
    },
  }
  const { result } = await runLoop(opening, NOTHING, { signal: controller.signal })
  t.match(result, { error: StageStopped })
  t.match(result, { error: { message: /before the first step/ } })
})

t.test('a stop before the first step claims no checkpoint', async t => {
  const { saved, result } = await runLoop(quadraticEngine(), NOTHING, {
    signal: AbortSignal.abort(),
  })
  t.match(result, { error: { message: /before the first step/ } })
  t.strictSame(saved, [])
})
