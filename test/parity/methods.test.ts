/** LoRA's variants and full fine-tuning against recorded runs of PEFT and torch. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { AdapterConfig } from '../../trainer-image/src/model/adapter.ts'
import { readAdapter, writeAdapter } from '../../trainer-image/src/publish/peft-adapter.ts'
import type { TrainingEngine } from '../../trainer-image/src/session/training-engine.ts'
import { relativeError } from '../fixtures/parity/numbers.ts'
import {
  engineOfMethod,
  METHODS,
  methodNamed,
  type RecordedMethod,
  startOf,
  tuningOf,
} from '../fixtures/parity/recorded-methods.ts'
import {
  batchOf,
  documentsOf,
  gradientsOnly,
  RECORDING,
  updateOf,
} from '../fixtures/parity/recorded-run.ts'

/** Per step of a whole run: rounding of one step feeds the next. */
const CURVE_TOLERANCE = 1e-4
const GRADIENT_TOLERANCE = 3e-5
/** Adam divides by √v, which enlarges the rounding of the smallest gradients. */
const STATE_TOLERANCE = 2e-4

const batchAt = (run: RecordedMethod, step: number) =>
  batchOf(
    documentsOf(run, step % 2).map(document => [document]),
    RECORDING.length,
  )

const takeStep = async (engine: TrainingEngine, run: RecordedMethod, step: number) => {
  const batch = batchAt(run, step)
  const targets = batch.targetTokens.length
  const { lossSum } = await engine.accumulate(batch)
  const { gradientNorm } = await engine.update(updateOf(run, step, targets))
  return { loss: lossSum / targets, gradientNorm }
}

for (const run of METHODS.runs) {
  t.test(`the reference's run is repeated step by step: ${run.name}`, async t => {
    const engine = await engineOfMethod(run, t.testdir({}))
    t.teardown(() => engine.close())
    for (const [step, expected] of run.curve.entries()) {
      const { loss, gradientNorm } = await takeStep(engine, run, step)
      const off = relativeError([loss], [expected.loss])
      t.ok(off <= CURVE_TOLERANCE, `loss of step ${step} (off by ${off})`)
      const norm = relativeError([gradientNorm], [expected.gradientNorm])
      t.ok(norm <= CURVE_TOLERANCE, `gradient norm of step ${step} (off by ${norm})`)
    }
    const { parameters } = await engine.state()
    for (const [key, expected] of Object.entries(run.adapterAfter)) {
      const off = relativeError(parameters.get(key)!.data, expected)
      t.ok(off <= STATE_TOLERANCE, `${key} after the run (off by ${off})`)
    }
  })

  t.test(`gradients are the reference's: ${run.name}`, async t => {
    const engine = await engineOfMethod(run, t.testdir({}))
    t.teardown(() => engine.close())
    for (const step of [0, 1]) await takeStep(engine, run, step)
    const batch = batchAt(run, 2)
    await engine.accumulate(batch)
    await engine.update(gradientsOnly(batch.targetTokens.length))
    const { firstMoments } = await engine.state()
    for (const [key, expected] of Object.entries(run.gradientsAtStep2)) {
      const off = relativeError(firstMoments.get(key)!.data, expected)
      t.ok(off <= GRADIENT_TOLERANCE, `${key} (off by ${off})`)
    }
  })
}

const adapters = METHODS.runs.filter(({ method }) => !('type' in method))

for (const run of adapters)
  t.test(`what is written has the tensors that PEFT writes: ${run.name}`, async t => {
    const folder = t.testdir({})
    const config = tuningOf(run) as AdapterConfig
    await writeAdapter(folder, await startOf(run), { config, baseModel: 'base' })
    const { tensors, config: read } = await readAdapter(folder)
    t.same(Object.fromEntries([...tensors].map(([name, { shape }]) => [name, shape])), run.saved)
    t.equal(read.variant, config.variant)
    t.same(read.modulesToSave?.toSorted() ?? [], modulesOf(run))
    const json = JSON.parse(readFileSync(join(folder, 'adapter_config.json'), 'utf8'))
    t.match(json, {
      use_dora: config.variant === 'DoRA',
      use_rslora: config.variant === 'RankStabilized',
      target_modules: run.targetModules.toSorted(),
    })
  })

const modulesOf = ({ saved }: RecordedMethod) =>
  Object.keys(saved)
    .filter(name => !name.includes('.lora_'))
    .map(name => name.slice('base_model.model.'.length, -'.weight'.length))
    .sort()

t.test('an embedding that is the head too is written as both, since PEFT unties them', async t => {
  const run = { ...methodNamed('saved'), tied: true, method: { modulesToSave: ['lm_head'] } }
  const tensors = await startOf(run)
  const folder = t.testdir({})
  const config = tuningOf(run) as AdapterConfig
  await writeAdapter(folder, tensors, { config, baseModel: 'base', isTied: true })
  const written = await readAdapter(folder)
  const of = (name: string) => written.tensors.get(`base_model.model.${name}.weight`)
  t.same(written.config.modulesToSave, ['lm_head', 'model.embed_tokens'])
  t.same(of('lm_head'), of('model.embed_tokens'))
})

/** The same sums in another order. */
const ORDER_TOLERANCE = 1e-5

const withDropout = (dropout: number): RecordedMethod => ({
  ...methodNamed('rank-stabilized'),
  method: { dropout },
})

/** @returns the losses of a few steps, each in micro-batches of so many rows */
const lossesOf = async (engine: TrainingEngine, run: RecordedMethod, rows: number) => {
  const losses: number[] = []
  for (const step of [0, 1, 2, 3]) {
    const documents = documentsOf(run, step)
    let [sum, targets] = [0, 0]
    for (let start = 0; start < documents.length; start += rows) {
      const some = documents.slice(start, start + rows).map(document => [document])
      const batch = { ...batchOf(some, RECORDING.length), step }
      sum += (await engine.accumulate(batch)).lossSum
      targets += batch.targetTokens.length
    }
    await engine.update(updateOf(run, step, targets))
    losses.push(sum / targets)
  }
  return losses
}

t.test('dropout', async t => {
  const losses = async (dropout: number, rows: number, seed = 1) => {
    const run = withDropout(dropout)
    const engine = await engineOfMethod(run, t.testdir({}), { seed })
    const all = await lossesOf(engine, run, rows)
    await engine.close()
    return all
  }
  const none = await losses(0, 4)
  const some = await losses(0.3, 4)
  t.test('of nothing changes nothing', async t => {
    const run = methodNamed('rank-stabilized')
    const plain = { ...run, method: {} }
    const engine = await engineOfMethod(plain, t.testdir({}))
    t.teardown(() => engine.close())
    t.same(await lossesOf(engine, plain, 4), none)
  })
  t.test('changes the losses a little once B is not zero', t => {
    t.equal(some[0], none[0])
    for (const step of [2, 3]) {
      const off = relativeError([some[step]!], [none[step]!])
      t.ok(off > 1e-4 && off < 0.3, `step ${step}: ${off}`)
    }
    t.end()
  })
  t.test('is the same in smaller micro-batches', async t => {
    for (const rows of [2, 1]) {
      const off = relativeError(await losses(0.3, rows), some)
      t.ok(off <= ORDER_TOLERANCE, `${rows} rows at a time (off by ${off})`)
    }
  })
  t.test('is the same each time, and another with another seed', async t => {
    t.same(await losses(0.3, 4), some)
    t.notSame(await losses(0.3, 4, 2), some)
  })
})

t.test('recomputation changes nothing', async t => {
  for (const name of ['dora', 'full-tied', 'saved']) {
    const run = methodNamed(name)
    const losses = async (recompute: boolean) => {
      const engine = await engineOfMethod(run, t.testdir({}), { recompute })
      const taken = [await takeStep(engine, run, 0), await takeStep(engine, run, 1)]
      await engine.close()
      return taken.flatMap(({ loss, gradientNorm }) => [loss, gradientNorm])
    }
    const off = relativeError(await losses(true), await losses(false))
    t.ok(off <= ORDER_TOLERANCE, `${name} (off by ${off})`)
  }
})
