import t from 'tap'
import { createTrainerMetrics } from '../../../../trainer-image/src/metrics.ts'
import {
  publishDataset,
  publishMetrics,
  summaryOf,
} from '../../../../trainer-image/src/train/training-metrics.ts'

const counters = {
  ...{ step: 120, tokens: 1000, seconds: 10, lastLoss: 0.5 },
  ...{ validationLoss: 0.7, validationTokenAccuracy: 0.8, validatedStep: 120 },
}
const best = { step: 90, loss: 0.6, tokenAccuracy: 0.81 }
const ended = { counters, longestMicroBatchSeconds: 2, stoppedEarly: false }

t.test('the summary is of the step that the result is of', async t => {
  t.strictSame(summaryOf(ended, false), {
    ...{ steps: 120, tokens: 1000, tokensPerSecond: 100, finalLoss: 0.5, validationLoss: 0.7 },
    ...{ seconds: 10, microBatchSeconds: 2 },
  })
  t.match(summaryOf(ended, true), { bestStep: 120, validationLoss: 0.7 })
  const early = summaryOf({ ...ended, kept: best, stoppedEarly: true }, true)
  t.match(early, { steps: 120, bestStep: 90, validationLoss: 0.6, stoppedEarly: true })
})

t.test('Prometheus knows the best step and how full the rows are', async t => {
  const metrics = createTrainerMetrics()
  const progress = {
    ...{ step: 100, totalSteps: 400, epoch: 1, loss: 1, learningRate: 1e-3, gradientNorm: 1 },
    ...{ tokensPerSecond: 1, etaSeconds: 1, microBatchSeconds: 1 },
  }
  publishMetrics(metrics, progress)
  t.notMatch(await metrics.registry.metrics(), /^attune_training_best_step [1-9]/m)
  publishMetrics(metrics, { ...progress, bestStep: 90, bestValidationLoss: 0.6 })
  publishDataset(metrics, {
    ...{ trainExamples: 9, validationExamples: 1, trainTokens: 90, responseTokens: 9, rows: 1 },
    ...{ duplicates: 0, truncated: 0, dropped: 0, slices: {}, rowFullness: 0.97 },
  })
  const told = await metrics.registry.metrics()
  t.match(told, /^attune_training_best_step 90$/m)
  t.match(told, /^attune_best_validation_loss 0.6$/m)
  t.match(told, /^attune_dataset_row_fullness_ratio 0.97$/m)
})
