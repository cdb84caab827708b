/** LoRA's variants and full fine-tuning against recorded runs of PEFT and torch. */
import t from 'tap'
import type { TrainingEngine } from '../../trainer-image/src/session/training-engine.ts'
import { relativeError } from '../fixtures/parity/numbers.ts'
import {
  engineOfMethod,
  METHODS,
  type RecordedMethod,
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
