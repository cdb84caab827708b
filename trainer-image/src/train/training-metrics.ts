/** What training tells others: gauges for Prometheus while it runs, a summary once it is done. */
import type { DatasetSummary, TrainingProgress, TrainingSummary } from '@attune/crds/stage.ts'
import type { TrainerMetrics } from '../metrics.ts'
import type { LoopResult } from './training-loop.ts'

export const publishDataset = (
  { datasetExamples, datasetRowFullness }: TrainerMetrics,
  { trainExamples, validationExamples, rowFullness }: DatasetSummary,
) => {
  if (rowFullness !== undefined) datasetRowFullness.set(rowFullness)
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
  if (progress.bestStep !== undefined) metrics.bestStep.set(progress.bestStep)
  if (progress.bestValidationLoss !== undefined)
    metrics.bestValidationLoss.set(progress.bestValidationLoss)
}

export const summaryOf = (
  { counters, longestMicroBatchSeconds, kept, stoppedEarly }: LoopResult,
  keepsBest: boolean,
): TrainingSummary => {
  const validationLoss = kept ? kept.loss : counters.validationLoss
  return {
    steps: counters.step,
    tokens: counters.tokens,
    tokensPerSecond: counters.seconds > 0 ? counters.tokens / counters.seconds : 0,
    finalLoss: counters.lastLoss,
    ...(validationLoss === undefined ? {} : { validationLoss }),
    ...(keepsBest ? { bestStep: kept?.step ?? counters.step } : {}),
    ...(stoppedEarly ? { stoppedEarly } : {}),
    seconds: counters.seconds,
    microBatchSeconds: longestMicroBatchSeconds,
  }
}
