import { readFileSync } from 'node:fs'
import t from 'tap'
import { updateScalars } from '../../../../trainer-image/src/optim/adamw.ts'
import {
  learningRateAt,
  type Schedule,
  scheduleOf,
  warmupSteps,
} from '../../../../trainer-image/src/optim/schedule.ts'

type Recording = {
  readonly versions: Readonly<Record<string, string>>
  readonly learningRate: number
  readonly totalSteps: number
  readonly cases: readonly (Pick<Schedule, 'type' | 'warmupSteps'> & {
    readonly minFraction: number
    readonly decaySteps: number | null
    readonly rates: readonly number[]
  })[]
}
const RECORDING = JSON.parse(
  readFileSync(new URL('../../../fixtures/parity/schedules.json', import.meta.url), 'utf8'),
) as Recording

t.test('every schedule is that of transformers, step by step', async t => {
  const { learningRate, totalSteps, cases } = RECORDING
  for (const { type, rates, warmupSteps: warmup, minFraction, decaySteps } of cases) {
    const schedule: Schedule = {
      type,
      learningRate,
      warmupSteps: warmup,
      totalSteps,
      minFraction,
      ...(decaySteps === null ? {} : { decaySteps }),
    }
    const off = rates.map((rate, step) => Math.abs(learningRateAt(schedule, step) - rate))
    t.ok(Math.max(...off) <= 1e-15, `${type}, warm-up ${warmup}, least ${minFraction}: ${off}`)
  }
})

t.test('shares of all steps become steps, rounded up', async t => {
  const shares = { warmupFraction: 0.03, decayFraction: 0.21 }
  const of = (schedule: object, totalSteps: number) =>
    scheduleOf(
      { learningRate: 1, schedule: { type: 'WarmupStableDecay', ...shares, ...schedule } },
      totalSteps,
    )
  t.match(of({}, 101), { warmupSteps: 4, decaySteps: 22, minFraction: 0 })
  t.match(of({ minLearningRateFraction: 0.1 }, 101), { minFraction: 0.1 })
  t.match(of({ warmupFraction: 0.5, decayFraction: 0.5 }, 3), { warmupSteps: 2, decaySteps: 1 })
  const { decayFraction: _, ...without } = shares
  const schedule = { type: 'WarmupStableDecay' as const, ...without }
  t.match(scheduleOf({ learningRate: 1, schedule }, 100), { decaySteps: 10 })
})

t.test('a line falls to its least rate', async t => {
  const shape = { type: 'Linear' as const, learningRate: 2, warmupSteps: 0, totalSteps: 10 }
  const rates = [0, 5, 10, 12].map(step => learningRateAt({ ...shape, minFraction: 0.5 }, step))
  t.strictSame(rates, [2, 1.5, 1, 1])
})

const at = (type: 'Constant' | 'Linear' | 'Cosine', warmup: number, steps: readonly number[]) =>
  steps.map(step => {
    const schedule = { type, learningRate: 2, warmupSteps: warmup, totalSteps: 10 }
    return Number(learningRateAt(schedule, step).toFixed(6))
  })

t.test('with warm-up the first update has learning rate 0', t => {
  for (const type of ['Constant', 'Linear', 'Cosine'] as const)
    t.same(at(type, 2, [0, 1, 2]), [0, 1, 2], type)
  t.end()
})

t.test('without warm-up the first update has the whole', t => {
  t.same(at('Cosine', 0, [0]), [2])
  t.end()
})

t.test('decay ends at 0 after the last step, and never goes below', t => {
  t.same(at('Constant', 2, [6, 10]), [2, 2])
  t.same(at('Linear', 2, [6, 9, 10, 12]), [1, 0.25, 0, 0])
  t.same(at('Cosine', 2, [4, 6, 10]), [1.707107, 1, 0])
  t.end()
})

t.test('a fraction of a warm-up step counts as one', t => {
  t.equal(warmupSteps(0.03, 100), 3)
  t.equal(warmupSteps(0.03, 101), 4)
  t.equal(warmupSteps(0, 101), 0)
  t.end()
})

t.test('the bias corrections of the first update undo its betas', t => {
  const options = { learningRate: 0.1, step: 1, targets: 7, maxGradientNorm: 1 }
  const adam = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.5 }
  const scalars = updateScalars({ ...options, ...adam }, { rateFactor: 1, decays: true }, 1)
  t.ok(Math.abs(scalars.stepSize - 1) < 1e-12)
  t.ok(Math.abs(scalars.correction - Math.sqrt(0.001)) < 1e-12)
  t.equal(scalars.keep, 0.95)
  t.end()
})
