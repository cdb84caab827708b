import t from 'tap'
import type { PreparedDataset, Row } from '../../../../trainer-image/src/data/prepared.ts'
import type { TrainingEngine } from '../../../../trainer-image/src/session/training-engine.ts'
import { StageError, StageStopped } from '../../../../trainer-image/src/stage-error.ts'
import type { Counters } from '../../../../trainer-image/src/train/checkpoint.ts'
import { inGroups } from '../../../../trainer-image/src/train/group-rows.ts'
import { trainingLoop } from '../../../../trainer-image/src/train/training-loop.ts'
import { aRow } from '../../../fixtures/a-row.ts'
import { quadraticEngine } from '../../../fixtures/quadratic-engine.ts'

const rows = Array.from({ length: 10 }, (_, index) => aRow(16, { tokens: [1, index], answer: 1 }))
const rowSet = (all: readonly Row[]) => ({
  count: all.length,
  tokens: all.length * 2,
  targets: all.length,
  row: (index: number) => all[index] ?? aRow(16),
})
const data: PreparedDataset = {
  sequenceLength: 16,
  train: rowSet(rows),
  validation: rowSet(rows.slice(0, 3)),
  examples: [],
}
const nothing: Counters = { step: 0, tokens: 0, seconds: 0, lastLoss: 0 }

const run = async (
  engine: TrainingEngine,
  start: Counters,
  extra: { signal?: AbortSignal; microBatchSize?: number; onStep?: (step: number) => void } = {},
) => {
  const saved: Counters[] = []
  const records: object[] = []
  const times: string[] = []
  let now = 0
  const promise = trainingLoop(start, {
    engine,
    data,
    plan: { rows: 10, batchSize: 4, seed: 3 },
    totalSteps: 6,
    scheduledSteps: 6,
    warmupSteps: 0,
    grouping: { group: rows => inGroups(rows, extra.microBatchSize ?? 2), window: 8 },
    evaluateEvery: 3,
    checkpointEvery: 2,
    learningRate: step => 0.1 / (step + 1),
    update: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, maxGradientNorm: 1 },
    signal: extra.signal ?? new AbortController().signal,
    clock: () => now++,
    save: async counters => void saved.push(counters),
    keep: async () => {},
    record: async entry => void records.push(entry),
    report: progress => extra.onStep?.(progress.step),
    observe: part => void times.push(part),
  })
  return {
    saved,
    records,
    times,
    result: await promise.then(
      value => ({ value }),
      error => ({ error: error as unknown }),
    ),
  }
}
const final = async (engine: TrainingEngine) => (await engine.state()).parameters.get('w')?.data[0]

t.test('runs every step, checkpoints and validates on time', async t => {
  const engine = quadraticEngine()
  const { saved, records, times, result } = await run(engine, nothing)
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
  await run(engines[0], nothing, { microBatchSize: 1 })
  await run(engines[1], nothing, { microBatchSize: 4 })
  t.equal(await final(engines[0]), await final(engines[1]))
})

t.test('stopped at any step and resumed, it ends at the same bits', async t => {
  const whole = quadraticEngine()
  await run(whole, nothing)
  for (const stopAt of [1, 2, 3, 5]) {
    const controller = new AbortController()
    const first = quadraticEngine()
    const { saved, result } = await run(first, nothing, {
      signal: controller.signal,
      onStep: step => void (step === stopAt && controller.abort()),
    })
    t.match(result, { error: StageStopped })
    const checkpoint = saved.at(-1)
    t.equal(checkpoint?.step, stopAt, 'the checkpoint is of the last whole step')
    const second = quadraticEngine(await first.state())
    await run(second, checkpoint ?? nothing)
    t.equal(await final(second), await final(whole), `stopped at ${stopAt}`)
  }
})

t.test('a loss that is no number keeps the last good state and says what to do', async t => {
  const engine = quadraticEngine(undefined, { poison: 3 })
  const { saved, result } = await run(engine, nothing)
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
  const first = await run(stopsWhileValidating, nothing, { signal: controller.signal })
  t.match(first.result, { error: { message: /after step 3 of 6/ } })
  t.notOk(first.records.some(entry => 'validationLoss' in entry))
  const second = await run(quadraticEngine(await engine.state()), first.saved.at(-1) ?? nothing)
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
  const first = await run(stopsAtTheEnd, nothing, { signal: controller.signal })
  t.match(first.result, { error: StageStopped })
  t.match(first.result, { error: { message: 'stopped after step 6 of 6; a checkpoint is saved' } })
  const saved = first.saved.at(-1)
  t.match(saved, { step: 6, validatedStep: 3 })
  const again = await run(quadraticEngine(await engine.state()), saved ?? nothing, {
    signal: AbortSignal.abort(),
  })
  t.match(again.result, { error: StageStopped }, 'nor does a second stop pass for an end')
  const second = await run(quadraticEngine(await engine.state()), saved ?? nothing)
  t.match(second.result, { value: { counters: { step: 6, validatedStep: 6 } } })
})

t.test('a stop after the last validation comes too late to be one', async t => {
  const controller = new AbortController()
  const { result } = await run(quadraticEngine(), nothing, {
    signal: controller.signal,
    onStep: step => void (step === 6 && controller.abort()),
  })
  t.match(result, { value: { counters: { step: 6, validatedStep: 6 } } })
})

t.test('no number at the first step is not blamed on the learning rate', async t => {
  const { saved, result } = await run(quadraticEngine(undefined, { poison: 0 }), nothing)
  t.match(result, {
    error: { reason: 'TrainingDiverged', message: /step 1: loss NaN.*base model are not finite/ },
  })
  t.notMatch((result as { error: Error }).error.message, 'lower')
  t.strictSame(saved, [])
})

t.test('a stop before the first step claims no checkpoint', async t => {
  const { saved, result } = await run(quadraticEngine(), nothing, { signal: AbortSignal.abort() })
  t.match(result, { error: { message: /before the first step/ } })
  t.strictSame(saved, [])
})
