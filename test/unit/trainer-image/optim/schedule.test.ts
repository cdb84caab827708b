import t from 'tap'
import { updateScalars } from '../../../../trainer-image/src/optim/adamw.ts'
import { learningRateAt, warmupSteps } from '../../../../trainer-image/src/optim/schedule.ts'

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
  const scalars = updateScalars({ ...options, ...adam })
  t.ok(Math.abs(scalars.stepSize - 1) < 1e-12)
  t.ok(Math.abs(scalars.correction - Math.sqrt(0.001)) < 1e-12)
  t.equal(scalars.keep, 0.95)
  t.end()
})
