import { execFile } from 'node:child_process'
import { watch } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { isTemporary } from '../../../../trainer-image/src/atomic-file.ts'
import {
  batchOf,
  configOf,
  documentsOf,
  engineOf,
  RECORDING,
  runNamed,
  updateOf,
  weightsOf,
} from '../../../fixtures/parity/recorded-run.ts'

const run = runNamed('tied')
const SCRIPT = fileURLToPath(
  new URL('../../../fixtures/parity/train-and-print.ts', import.meta.url),
)
const batchAt = (step: number) =>
  batchOf(
    documentsOf(run, step).map(one => [one]),
    RECORDING.length,
  )

const trainInProcess = async (scratch: string, threads: number, replicas: number) => {
  // the engine itself has to set it
  const { ORT_DISABLE_TELEMETRY: _, ...env } = process.env
  const args = [SCRIPT, scratch, `${threads}`, `${replicas}`]
  const { stdout } = await promisify(execFile)(process.execPath, args, { env })
  return JSON.parse(stdout) as { digest: string; sockets: string[]; telemetry?: string }
}

for (const replicas of [1, 2])
  t.test(`two processes of ${replicas} replicas end with the same bits, no socket`, async t => {
    const first = await trainInProcess(t.testdir({}), 2, replicas)
    const second = await trainInProcess(t.testdir({}), 2, replicas)
    t.equal(first.digest, second.digest)
    t.match(first.digest, /^[0-9a-f]{64}$/)
    t.same(first.sockets, [])
    t.equal(first.telemetry, '1')
  })

for (const replicas of [1, 2])
  t.test(
    `an engine of ${replicas} made from another’s state goes on with the same bits`,
    async t => {
      const step = async (engine: Awaited<ReturnType<typeof engineOf>>, index: number) => {
        const batch = batchAt(index)
        await engine.accumulate(batch)
        await engine.update(updateOf(run, index, batch.targetTokens.length))
      }
      const options = { threads: replicas, replicas }
      const whole = await engineOf(run, t.testdir({}), options)
      t.teardown(() => whole.close())
      for (const index of [0, 1]) await step(whole, index)
      const state = await whole.state()
      const folder = t.testdir({ resumed: {} })
      const resumed = await engineOf(run, folder, { ...options, start: { state } })
      t.teardown(() => resumed.close())
      for (const engine of [whole, resumed]) for (const index of [2, 3]) await step(engine, index)
      t.strictSame(await resumed.state(), await whole.state())
    },
  )

t.test('a failed command is an error with its cause, and leaves the engine usable', async t => {
  const engine = await engineOf(run, t.testdir({}))
  t.teardown(() => engine.close())
  const good = batchAt(0)
  const stray = { ...good, tokens: good.tokens.map(() => RECORDING.vocabulary) }
  await t.rejects(engine.accumulate(stray), /training engine: token \d+ is none of the model's \d+/)
  const short = { ...good, segments: good.segments.subarray(1) }
  await t.rejects(engine.accumulate(short), /segments has 127 values, not 128/)
  const outside = { ...good, targetPositions: good.targetPositions.map(() => 128) }
  await t.rejects(engine.evaluate(outside), /outside the batch's 128 tokens/)
  t.ok((await engine.accumulate(good)).lossSum > 0)
})

t.test('a batch without targets changes nothing', async t => {
  const engine = await engineOf(run, t.testdir({}))
  t.teardown(() => engine.close())
  const none = { targetPositions: new Int32Array(0), targetTokens: new Int32Array(0) }
  t.same(await engine.accumulate({ ...batchAt(0), ...none }), { lossSum: 0 })
  t.same(await engine.evaluate({ ...batchAt(0), ...none }), { lossSum: 0, correct: 0 })
})

t.test('commands after close are refused, and nothing but the weights stays on disk', async t => {
  const folder = t.testdir({})
  const engine = await engineOf(run, folder)
  const seen = new Set<string>()
  const watcher = watch(folder, (_, name) => seen.add(name ?? ''))
  await engine.accumulate(batchAt(0))
  await engine.close()
  watcher.close()
  const graphs = [...seen].filter(name => name.startsWith('graph.onnx'))
  t.ok(graphs.length > 0)
  t.ok(graphs.every(isTemporary), 'a killed process leaves what the next one removes')
  await t.rejects(engine.accumulate(batchAt(0)), /the training engine's thread ended/)
  t.same((await readdir(folder)).toSorted(), ['weights.bin', 'weights.json'])
})

t.test('weights on disk are used again for the same digest only', async t => {
  const folder = t.testdir({})
  const written = async () => (await stat(join(folder, 'weights.bin'))).mtimeMs
  const open = async (weightsDigest?: string) => {
    const read: string[] = []
    const weights = weightsOf(run)
    const counted = {
      ...weights,
      read: (name: string) => {
        read.push(name)
        return weights.read(name)
      },
    }
    const options = { weights: counted, ...(weightsDigest ? { weightsDigest } : {}) }
    await (await engineOf(run, folder, options)).close()
    return read.length
  }
  t.ok((await open('one')) > 0)
  const first = await written()
  t.equal(await open('one'), 0)
  t.equal(await written(), first)
  t.ok((await open('two')) > 0)
  t.ok((await open()) > 0)
})

t.test('weights that do not fit the config are refused before anything is written', async t => {
  const folder = t.testdir({})
  const config = { ...configOf(run), hiddenSize: 64 }
  const weights = weightsOf(run)
  await t.rejects(
    engineOf({ ...run, targetModules: ['q_proj'] }, folder, {
      config,
      weights,
      start: { seed: 1 },
    }),
    {
      reason: 'ModelMalformed',
      message: /model\.embed_tokens\.weight has shape \[64,32\].*\[64,64\]/,
    },
  )
  t.same(await readdir(folder), [])
})
