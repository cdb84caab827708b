/** GET /progress of a trainer pod, read with distrust, and what of it goes into status. */
import type { TrainingStatus } from '@attune/crds/instruction-tuning-job-status.ts'
import { type Progress, STAGES, type TrainingSummary } from '@attune/crds/stage.ts'
import { count, flag, number, positive, shape, text } from './untrusted.ts'

export type TrainingReport = Omit<TrainingStatus, 'progress' | 'validations'>

/** Losses that are not finite are left out; a step above the total is no progress. */
const training = (value: unknown): TrainingReport | undefined => {
  const read = shape<Pick<TrainingStatus, 'step' | 'totalSteps'>, Omit<TrainingReport, 'step'>>(
    value,
    { step: count, totalSteps: count },
    {
      totalSteps: count,
      epoch: positive,
      loss: number,
      validationLoss: number,
      validationTokenAccuracy: number,
      bestStep: count,
      bestValidationLoss: number,
      stoppedEarly: flag,
      learningRate: number,
      gradientNorm: number,
      tokens: positive,
      tokensPerSecond: positive,
      microBatchSeconds: positive,
      etaSeconds: positive,
      seconds: positive,
    },
  )
  return read && read.step <= read.totalSteps ? read : undefined
}

export type ProgressReport = Pick<Progress, 'stage' | 'activity' | 'fraction'> & {
  readonly training?: TrainingReport
}

/** @returns undefined where it is not the progress of a stage */
export const readProgress = (body: unknown): ProgressReport | undefined =>
  shape<Pick<Progress, 'stage' | 'activity' | 'fraction'>, { training: TrainingReport }>(
    body,
    {
      stage: value => STAGES.find(stage => stage === value),
      activity: value => text(value, 128),
      fraction: value => {
        const read = number(value)
        return read !== undefined && read >= 0 && read <= 1 ? read : undefined
      },
    },
    { training },
  )

const round = (value: number, digits: number) => Number(value.toPrecision(digits))

/** Figures are cut to what people read, so that noise in the last digits writes no status. */
const rounded = (report: TrainingReport): TrainingReport =>
  Object.fromEntries(
    Object.entries(report).map(([name, value]) => [
      name,
      typeof value === 'number' ? round(value, 6) : value,
    ]),
  ) as TrainingReport

/** The newest figures over those known before; the longest micro-batch stays. */
export const trainingStatus = (
  before: TrainingStatus | undefined,
  report: TrainingReport,
): TrainingStatus => {
  const microBatchSeconds = Math.max(before?.microBatchSeconds ?? 0, report.microBatchSeconds ?? 0)
  return {
    ...before,
    ...rounded(report),
    step: report.step,
    totalSteps: report.totalSteps,
    progress: `${report.step}/${report.totalSteps}`,
    ...(microBatchSeconds > 0 ? { microBatchSeconds: round(microBatchSeconds, 6) } : {}),
  }
}

/** What status says once training ended. */
export const trainedStatus = (
  before: TrainingStatus | undefined,
  summary: TrainingSummary,
): TrainingStatus => ({
  ...trainingStatus(before, {
    step: summary.steps,
    totalSteps: summary.steps,
    loss: summary.finalLoss,
    tokens: summary.tokens,
    tokensPerSecond: summary.tokensPerSecond,
    microBatchSeconds: summary.microBatchSeconds,
    etaSeconds: 0,
    seconds: summary.seconds,
    ...(summary.validationLoss === undefined ? {} : { validationLoss: summary.validationLoss }),
    ...(summary.bestStep === undefined ? {} : { bestStep: summary.bestStep }),
    ...(summary.stoppedEarly === undefined ? {} : { stoppedEarly: summary.stoppedEarly }),
  }),
  tokens: summary.tokens,
})
