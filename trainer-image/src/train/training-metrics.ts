/** What training tells others: gauges for Prometheus while it runs, a summary once it is done. */
import type { DatasetSummary, TrainingProgress, TrainingSummary } from '@attune/crds/stage.ts'
import type { TrainerMetrics } from '../metrics.ts'
import type { Counters } from './checkpoint.ts'

export const publishDataset = (
  { datasetExamples }: TrainerMetrics,
  { trainExamples, validationExamples }: DatasetSummary,
) => {
  datasetExamples.set({ split: 'train' }, trainExamples)
  datasetExamples.set({ split: 'validation' }, validationExamples)
}

export const publishMetrics = (metrics: TrainerMetrics, progress: TrainingProgress) => {
  metrics.step.set(progress.step)
  metrics.totalSteps.set(progress.totalSteps)
  metrics.epoch.set(progress.epoch)
  metrics.loss.set(progress.loss)
  metrics.learningRate.set(progress.learningRate)
  metrics.gradientNorm.set(progress.gradientNorm)
  metrics.tokensPerSecond.set(progress.tokensPerSecond)
  if (progress.validationLoss !== undefined) metrics.validationLoss.set(progress.validationLoss)
  if (progress.validationTokenAccuracy !== undefined)
    metrics.validationTokenAccuracy.set(progress.validationTokenAccuracy)
}

export const summaryOf = (counters: Counters, microBatchSeconds: number): TrainingSummary => ({
  steps: counters.step,
  tokens: counters.tokens,
  tokensPerSecond: counters.seconds > 0 ? counters.tokens / counters.seconds : 0,
  finalLoss: counters.lastLoss,
  ...(counters.validationLoss === undefined ? {} : { validationLoss: counters.validationLoss }),
  seconds: counters.seconds,
  microBatchSeconds,
})
