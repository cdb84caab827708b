/** Sessions that part a micro-batch's rows. */
import t, { type Test } from 'tap'
import type { TuningMethod } from '../../../../trainer-image/src/model/adapter.ts'
import type { TrainingEngineOptions } from '../../../../trainer-image/src/session/create-training-engine.ts'
import {
  type Replicable,
  replicasFor,
  sharesOf,
} from '../../../../trainer-image/src/session/replicas.ts'
import type { TrainingEngine } from '../../../../trainer-image/src/session/training-engine.ts'
import { relativeError } from '../../../fixtures/parity/numbers.ts'
import {
  adapterConfigOf,
  batchOf,
  documentsOf,
  engineOf,
  gradientsOnly,
  RECORDING,
  runNamed,
  updateOf,
} from '../../../fixtures/parity/recorded-run.ts'

const run = runNamed('untied')
const documents = [0, 1, 2].flatMap(step => documentsOf(run, step))
const { length } = RECORDING
const rowsOf = (start: number, end: number) =>
  batchOf(
    documents.slice(start, end).map(document => [document]),
    length,
  )

const LORA = { rank: 8, alpha: 16, targetModules: ['q_proj'] }
const one: Replicable = {
  config: { layers: 30 },
  method: LORA,
  recompute: false,
  rows: 4,
  threads: 2,
}

t.test('as many as part both rows and threads, where memory is not what counts', async t => {
  const cases: readonly (readonly [Partial<Replicable>, number])[] = [
    [{}, 2],
    [{ rows: 1 }, 1],
    [{ rows: 3 }, 1],
    [{ threads: 1 }, 1],
    [{ threads: 3 }, 1],
    [{ threads: 16 }, 4],
    [{ threads: 16, rows: 6 }, 2],
    [{ threads: 64, rows: 64 }, 8],
    [{ threads: 12, rows: 12 }, 6],
    [{ threads: 9, rows: 18 }, 3],
    [{ threads: 11, rows: 22 }, 1],
    [{ recompute: 29 }, 2],
    [{ recompute: 30 }, 1],
    [{ recompute: true }, 1],
    [{ cuda: true }, 1],
    [{ half: 'bfloat16' }, 1],
    [{ quantization: { bits: 4, blockSize: 32 } }, 1],
    [{ method: { type: 'Full' } }, 1],
    [{ method: { ...LORA, variant: 'DoRA' } }, 1],
    [{ method: { ...LORA, variant: 'RankStabilized', modulesToSave: [] } }, 2],
    [{ method: { ...LORA, modulesToSave: ['norm'] } }, 1],
  ]
  for (const [changes, expected] of cases)
    t.equal(replicasFor({ ...one, ...changes }), expected, JSON.stringify(changes))
})

t.test('shares have the rows in their order, and each target once', async t => {
  const batch = { ...rowsOf(0, 4), step: 7, lossScale: 2 }
  const shares = sharesOf(batch, 2)
  t.strictSame(
    shares.map(({ rows, step, lossScale }) => [rows, step, lossScale]),
    [
      [2, 7, 2],
      [2, 7, 2],
    ],
  )
  for (const name of ['tokens', 'positions', 'segments', 'targetTokens'] as const)
    t.strictSame(
      shares.flatMap(share => [...share[name]]),
      [...batch[name]],
      name,
    )
  const positions = shares.flatMap(({ targetPositions }, i) =>
    [...targetPositions].map(position => position + i * 2 * length),
  )
  t.strictSame(positions, [...batch.targetPositions])
  t.strictSame(sharesOf(rowsOf(0, 3), 2), [rowsOf(0, 3)], 'what cannot be parted stays whole')
  t.equal(sharesOf(batch, 1)[0], batch)
  const six = sharesOf(rowsOf(0, 6), 4).map(({ rows }) => rows)
  t.strictSame(six, [3, 3], 'two of four replicas part six rows')
})

const open = async (t: Test, name: string, options: Partial<TrainingEngineOptions>) => {
  const engine = await engineOf(run, `${t.testdirName}-${name}`, options)
  t.teardown(() => engine.close())
  return engine
}

const gradientsOf = async (engine: TrainingEngine, rows: readonly number[]) => {
  let [at, lossSum, targets] = [0, 0, 0]
  for (const count of rows) {
    const batch = rowsOf(at, at + count)
    lossSum += (await engine.accumulate({ ...batch, step: 3 })).lossSum
    targets += batch.targetTokens.length
    at += count
  }
  await engine.update(gradientsOnly(targets))
  const { firstMoments } = await engine.state()
  return [lossSum, ...[...firstMoments.values()].flatMap(({ data }) => [...data])]
}

const VARIANTS: Readonly<Record<string, Partial<TrainingEngineOptions>>> = {
  plain: {},
  'some layers recomputed': { recompute: 1 },
  'dropout and noise': {
    method: { ...adapterConfigOf(run), dropout: 0.3 } satisfies TuningMethod,
    noiseBound: 0.25,
    seed: 9,
  },
}

for (const [name, options] of Object.entries(VARIANTS))
  t.test(`two replicas sum the gradients that one does: ${name}`, async t => {
    t.testdir()
    const alone = await open(t, 'alone', { ...options, threads: 2 })
    const parted = await open(t, 'parted', { ...options, threads: 2, replicas: 2 })
    // four rows are parted, three are not
    const expected = await gradientsOf(alone, [4, 3, 2])
    t.ok(relativeError(await gradientsOf(parted, [4, 3, 2]), expected) <= 1e-5)
    t.ok(relativeError(await gradientsOf(parted, [4, 3, 2]), expected) <= 1e-5, 'sums start anew')
    const [whole, shared] = [
      await alone.evaluate(rowsOf(0, 4)),
      await parted.evaluate(rowsOf(0, 4)),
    ]
    t.equal(shared.correct, whole.correct)
    t.ok(Math.abs(shared.lossSum / whole.lossSum - 1) <= 1e-6)
  })

t.test('commands take their turns though nobody waits for them', async t => {
  t.testdir()
  const step = (engine: TrainingEngine, index: number) => {
    const batch = rowsOf(4 * index, 4 * index + 4)
    const update = updateOf(run, index, batch.targetTokens.length)
    return [engine.accumulate(batch), engine.update(update)]
  }
  const digests = []
  for (const waits of [true, false]) {
    const engine = await open(t, `${waits}`, { threads: 2, replicas: 2 })
    const given = []
    for (const index of [0, 1, 2])
      for (const command of step(engine, index)) given.push(waits ? await command : command)
    await Promise.all(given)
    digests.push(await engine.state())
  }
  t.strictSame(digests[1], digests[0], 'and the bits are the same')
})

t.test('threads that cannot be parted are refused', async t => {
  t.testdir()
  await t.rejects(
    open(t, 'three', { threads: 3, replicas: 2 }),
    /2 replicas of 3 threads cannot compute this training/,
  )
})

t.test('a share that fails fails the micro-batch and leaves the engine usable', async t => {
  t.testdir()
  const engine = await open(t, 'failing', { threads: 2, replicas: 2 })
  const good = rowsOf(0, 4)
  const stray = { ...good, tokens: good.tokens.with(3 * length, RECORDING.vocabulary) }
  await t.rejects(engine.accumulate(stray), /training engine: token \d+ is none of the model's \d+/)
  t.ok((await engine.accumulate(good)).lossSum > 0)
})
