/** QLoRA against recorded PEFT runs on the same rounded weights. */
import { readFileSync } from 'node:fs'
import t from 'tap'
import type { TrainingEngine } from '../../trainer-image/src/session/training-engine.ts'
import type { Quantization } from '../../trainer-image/src/weights/quantize-blocks.ts'
import { relativeError } from '../fixtures/parity/numbers.ts'
import {
  batchOf,
  documentsOf,
  engineOf,
  RECORDING,
  type RecordedRun,
  updateOf,
} from '../fixtures/parity/recorded-run.ts'

const CURVE_TOLERANCE = 1e-4
const ADAPTER_TOLERANCE = 1e-4

type QuantizedRun = RecordedRun & Quantization
const { runs } = JSON.parse(
  readFileSync(new URL('../fixtures/parity/quantized.json', import.meta.url), 'utf8'),
) as { readonly runs: readonly QuantizedRun[] }

const quantizationOf = ({ bits, blockSize }: QuantizedRun): Quantization => ({ bits, blockSize })
const batchAt = (run: QuantizedRun, step: number) =>
  batchOf(
    documentsOf(run, step % 2).map(one => [one]),
    RECORDING.length,
  )

/** @returns mean loss and gradient norm of each step */
const train = async (engine: TrainingEngine, run: QuantizedRun, from = 0, to = run.steps) => {
  const curve = []
  for (let step = from; step < to; step++) {
    const batch = batchAt(run, step)
    const targets = batch.targetTokens.length
    const { lossSum } = await engine.accumulate(batch)
    const { gradientNorm } = await engine.update(updateOf(run, step, targets))
    curve.push({ loss: lossSum / targets, gradientNorm })
  }
  return curve
}

for (const run of runs) {
  const quantization = quantizationOf(run)
  for (const recompute of [false, true])
    t.test(`PEFT’s run on ${run.name}${recompute ? ', recomputed' : ''}`, async t => {
      const engine = await engineOf(run, t.testdir({}), { quantization, recompute })
      t.teardown(() => engine.close())
      for (const [step, made] of (await train(engine, run)).entries()) {
        const expected = run.curve[step]!
        const loss = relativeError([made.loss], [expected.loss])
        t.ok(loss <= CURVE_TOLERANCE, `loss of step ${step} (off by ${loss})`)
        const norm = relativeError([made.gradientNorm], [expected.gradientNorm])
        t.ok(norm <= CURVE_TOLERANCE, `gradient norm of step ${step} (off by ${norm})`)
      }
      const { parameters } = await engine.state()
      for (const [key, expected] of Object.entries(run.adapterAfter)) {
        const off = relativeError(parameters.get(key)!.data, expected)
        t.ok(off <= ADAPTER_TOLERANCE, `${key} after the run (off by ${off})`)
      }
    })

  t.test(`${run.name}: a resumed run gives the same bits`, async t => {
    const open = async (options: Parameters<typeof engineOf>[2]) => {
      const engine = await engineOf(run, t.testdir({ one: {} }), { quantization, ...options })
      t.teardown(() => engine.close())
      return engine
    }
    const whole = await open({})
    const curve = await train(whole, run)
    const first = await open({})
    await train(first, run, 0, 4)
    const second = await open({ start: { state: await first.state() } })
    t.same(await train(second, run, 4), curve.slice(4))
    t.same(await second.state(), await whole.state())
  })

  t.test(`${run.name}: evaluation agrees with training’s loss`, async t => {
    const engine = await engineOf(run, t.testdir({}), { quantization })
    t.teardown(() => engine.close())
    const batch = batchAt(run, 0)
    const evaluated = await engine.evaluate(batch)
    const { lossSum } = await engine.accumulate(batch)
    t.ok(relativeError([evaluated.lossSum], [lossSum]) <= CURVE_TOLERANCE)
  })
}

t.test('the recorded losses are those of rounded weights', async t => {
  const run = runs.find(({ bits }) => bits === 4)!
  const engine = await engineOf(run, t.testdir({}))
  t.teardown(() => engine.close())
  const [first] = await train(engine, run, 0, 1)
  t.ok(relativeError([first!.loss], [run.curve[0]!.loss]) > 10 * CURVE_TOLERANCE)
})
