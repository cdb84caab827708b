import { readdir, readFile, stat, truncate } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { runStageProcess, type StageRun, type StageSignal } from '../../fixtures/stage-process.ts'
import { type TinyJob, writeTinyJob } from '../../fixtures/tiny-job.ts'

const prepared = async (folder: string): Promise<TinyJob> => {
  const tiny = await writeTinyJob(folder)
  const run = await runStageProcess('prepare', tiny)
  if (run.exitCode !== 0) throw new Error(`prepare failed: ${run.stderr}`)
  return tiny
}
/** A sum over smaller pieces rounds differently. */
const ORDER_TOLERANCE = 1e-5

const adapterOf = (tiny: TinyJob, run: StageRun) =>
  readFile(
    join(tiny.workspace, 'train', run.result?.key ?? '', 'adapter', 'adapter_model.safetensors'),
  )
const linesOf = async (tiny: TinyJob, run: StageRun) => {
  const text = await readFile(
    join(tiny.workspace, 'train', run.result?.key ?? '', 'metrics.jsonl'),
    'utf8',
  )
  return text
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as { step: number; loss?: number })
}

/** What makes a process believe in so many cores */
const withCores = (count: number) => {
  const patch = `import os from 'node:os'
    import { syncBuiltinESMExports } from 'node:module'
    os.availableParallelism = () => ${count}
    syncBuiltinESMExports()`
  return `--import=data:text/javascript,${encodeURIComponent(patch)}`
}

t.test(
  'a training that is killed and goes on ends at the bytes of one that was left alone',
  async t => {
    const whole = await prepared(t.testdir({}))
    const reference = await runStageProcess('train', whole)
    t.equal(reference.exitCode, 0, 'exit code', { stderr: reference.stderr })
    const bytes = await adapterOf(whole, reference)
    const curve = (await linesOf(whole, reference)).map(({ step, loss }) => [step, loss])

    const atStep = (step: number, name: StageSignal) => ({
      kill: (progress: { training?: { step: number } }) =>
        (progress.training?.step ?? 0) >= step ? name : undefined,
    })

    t.test('by SIGKILL at three different steps, one after the other', async t => {
      const tiny = await prepared(t.testdir({}))
      for (const step of [3, 6, 9]) {
        const killed = await runStageProcess('train', tiny, atStep(step, 'SIGKILL'))
        t.equal(killed.signal, 'SIGKILL', `killed at step ${step}`)
      }
      const resumed = await runStageProcess('train', tiny)
      t.equal(resumed.exitCode, 0, 'exit code', { stderr: resumed.stderr })
      t.match(resumed.stderr, /resumed from a checkpoint/)
      t.ok(bytes.equals(await adapterOf(tiny, resumed)), 'the adapter is the same to the byte')
      t.strictSame(
        (await linesOf(tiny, resumed)).map(({ step, loss }) => [step, loss]),
        curve,
        'and so is the loss curve',
      )
    })

    t.test('by SIGTERM, which saves first and exits with 75', async t => {
      const tiny = await prepared(t.testdir({}))
      const stopped = await runStageProcess('train', tiny, atStep(5, 'SIGTERM'))
      t.equal(stopped.exitCode, 75, 'exit code', { stderr: stopped.stderr })
      t.match(stopped.result, { outcome: 'Stopped', message: /checkpoint is saved/ })
      const resumed = await runStageProcess('train', tiny)
      t.equal(resumed.exitCode, 0, 'exit code', { stderr: resumed.stderr })
      t.ok(bytes.equals(await adapterOf(tiny, resumed)))
    })

    t.test('by SIGKILL, and goes on where there are more or fewer cores', async t => {
      const tiny = await prepared(t.testdir({}))
      const killed = await runStageProcess('train', tiny, atStep(5, 'SIGKILL'))
      t.equal(killed.signal, 'SIGKILL')
      process.env['NODE_OPTIONS'] = withCores(availableParallelism() === 1 ? 2 : 1)
      t.teardown(() => delete process.env['NODE_OPTIONS'])
      const resumed = await runStageProcess('train', tiny)
      t.equal(resumed.exitCode, 0, 'exit code', { stderr: resumed.stderr })
      t.match(resumed.stderr, `"threads":${availableParallelism()},`)
      t.ok(bytes.equals(await adapterOf(tiny, resumed)))
    })

    t.test('by SIGKILL, and with a smaller micro-batch each time: the same result', async t => {
      const tiny = await prepared(t.testdir({}))
      const killed = (step: number, halvings: number) =>
        runStageProcess('train', tiny, {
          ...atStep(step, 'SIGKILL'),
          args: ['--micro-batch-halvings', String(halvings)],
        })
      t.match(reference.stderr, /"microBatchSize":4/)
      t.equal((await killed(3, 0)).signal, 'SIGKILL')
      t.match((await killed(6, 1)).stderr, /"microBatchSize":2,"msg":"resumed from/)
      const resumed = await killed(Number.POSITIVE_INFINITY, 2)
      t.equal(resumed.exitCode, 0, 'exit code', { stderr: resumed.stderr })
      t.match(resumed.stderr, /"microBatchSize":1,"msg":"resumed from/)
      const losses = (await linesOf(tiny, resumed)).map(({ loss }) => loss)
      const off = losses.map((loss, line) => Math.abs((loss ?? 0) - Number(curve[line]?.[1] ?? 0)))
      t.equal(losses.length, curve.length)
      t.ok(Math.max(...off) <= ORDER_TOLERANCE, `losses off by ${Math.max(...off)}`)
    })
  },
)

t.test('a training that stops early and goes on with a later stop', async t => {
  const folder = t.testdir({ whole: {}, rungs: {} })
  const whole = await prepared(join(folder, 'whole'))
  const reference = await runStageProcess('train', whole)
  t.equal(reference.exitCode, 0, 'exit code', { stderr: reference.stderr })
  const curve = (await linesOf(whole, reference)).filter(({ loss }) => loss !== undefined)
  const steps = curve.length

  await prepared(join(folder, 'rungs'))
  const upTo = async (stopAfterSteps?: number) => {
    const job = await writeTinyJob(join(folder, 'rungs'), spec => ({
      ...spec,
      training: { ...spec.training, ...(stopAfterSteps ? { stopAfterSteps } : {}) },
    }))
    const run = await runStageProcess('train', job)
    t.equal(run.exitCode, 0, 'exit code', { stderr: run.stderr })
    return { job, run }
  }
  const losses = (lines: readonly { step: number; loss?: number }[]) =>
    lines.flatMap(({ step, loss }) => (loss === undefined ? [] : [[step, loss]]))

  const first = await upTo(3)
  t.match(first.run.result, { training: { steps: 3 } })
  t.strictSame(losses(await linesOf(first.job, first.run)), losses(curve.slice(0, 3)))
  const second = await upTo(7)
  t.match(second.run.stderr, /"step":3,.*resumed from a checkpoint/)
  t.strictSame(losses(await linesOf(second.job, second.run)), losses(curve.slice(0, 7)))
  const last = await upTo()
  t.match(last.run.stderr, /"step":7,.*resumed from a checkpoint/)
  t.match(last.run.result, { training: { steps } })
  t.strictSame(losses(await linesOf(last.job, last.run)), losses(curve))
  t.ok(
    (await adapterOf(whole, reference)).equals(await adapterOf(last.job, last.run)),
    'ends at the bytes of one that never stopped',
  )
  t.notOk((await adapterOf(first.job, first.run)).equals(await adapterOf(last.job, last.run)))

  await t.test(
    'and an earlier stop that was never there starts anew, to the same losses',
    async t => {
      const earlier = await upTo(5)
      t.notMatch(earlier.run.stderr, /resumed from a checkpoint/)
      t.strictSame(losses(await linesOf(earlier.job, earlier.run)), losses(curve.slice(0, 5)))
      t.ok(
        (await adapterOf(last.job, last.run)).equals(await adapterOf(whole, reference)),
        'and leaves the others alone',
      )
    },
  )
})

const weightsOf = (tiny: TinyJob) => join(tiny.workspace, 'scratch', 'weights.bin')
const writtenAt = async (tiny: TinyJob) => (await stat(weightsOf(tiny))).mtimeMs

t.test('the copy of the weights', async t => {
  const tiny = await prepared(t.testdir({}))
  const reference = await runStageProcess('train', tiny)
  t.equal(reference.exitCode, 0, 'exit code', { stderr: reference.stderr })
  const bytes = await readFile(weightsOf(tiny))
  const first = await writtenAt(tiny)
  const retrained = async (job: TinyJob) => {
    const run = await runStageProcess('train', job)
    t.equal(run.exitCode, 0, 'exit code', { stderr: run.stderr })
    return adapterOf(job, run)
  }
  /** The same model and data in the same workspace, but a training of its own. */
  const again = (seed: number, modelSeed = 1) =>
    writeTinyJob(
      join(tiny.workspace, '..'),
      spec => ({ ...spec, training: { ...spec.training, seed } }),
      { seed: modelSeed },
    )

  await t.test('is used again', async t => {
    await retrained(await again(7))
    t.equal(await writtenAt(tiny), first)
  })
  await t.test('is written again where it was cut off', async t => {
    await truncate(weightsOf(tiny), bytes.length - 1)
    await retrained(await again(8))
    t.ok(bytes.equals(await readFile(weightsOf(tiny))))
  })
  await t.test('is written again for another model', async t => {
    const other = await again(42, 5)
    t.equal((await runStageProcess('prepare', other)).exitCode, 0)
    const adapter = await retrained(other)
    t.notOk(bytes.equals(await readFile(weightsOf(tiny))))
    t.notOk(adapter.equals(await adapterOf(tiny, reference)))
  })
  t.strictSame((await readdir(join(tiny.workspace, 'scratch'))).toSorted(), [
    'weights.bin',
    'weights.json',
  ])
})

t.test('another seed gives another adapter', async t => {
  const [one, two] = [
    await prepared(t.testdir({ one: {} })),
    await writeTinyJob(join(t.testdirName, 'two'), spec => ({
      ...spec,
      training: { ...spec.training, seed: 7 },
    })),
  ]
  const first = await runStageProcess('train', one)
  await runStageProcess('prepare', two)
  const second = await runStageProcess('train', two)
  t.equal(second.exitCode, 0, 'exit code', { stderr: second.stderr })
  t.notOk((await adapterOf(one, first)).equals(await adapterOf(two, second)))
})
