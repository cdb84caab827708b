/** Where a run stands after so many steps, as a value, and what is told of it. */
import type { TrainingProgress } from '@attune/crds/stage.ts'
import type { Standing } from './best.ts'
import type { Counters } from './checkpoint.ts'
import type { LossHistory } from './divergence.ts'
import type { StepRecord, ValidationRecord } from './metrics-log.ts'
import type { LossScale } from '../precision/loss-scale.ts'
import type { StepOutcome } from './run-step.ts'
import { epochAfter, type StepPlan } from './steps.ts'
import type { Throughput } from './throughput.ts'
import type { Validation } from './validate.ts'

export type Course = {
  /** of the state that the engine holds */
  readonly counters: Counters
  /** step of the newest checkpoint */
  readonly savedStep: number
  readonly longestMicroBatchSeconds: number
}

export type TakenStep = {
  readonly outcome: StepOutcome
  readonly learningRate: number
  readonly seconds: number
  /** with this step's loss */
  readonly history: LossHistory
  /** what it was computed with, and what comes next, where the loss is scaled */
  readonly lossScale?: { readonly used: LossScale; readonly next: LossScale }
}

export const startOf = (counters: Counters): Course => ({
  counters,
  savedStep: counters.step,
  longestMicroBatchSeconds: 0,
})

export const afterStep = (
  course: Course,
  { outcome, seconds, history, lossScale }: TakenStep,
): Course => {
  const { counters } = course
  return {
    ...course,
    counters: {
      ...counters,
      step: counters.step + 1,
      tokens: counters.tokens + outcome.tokens,
      seconds: counters.seconds + seconds,
      lastLoss: outcome.loss,
      history,
      ...(lossScale ? { lossScale: lossScale.next } : {}),
    },
    longestMicroBatchSeconds: Math.max(
      course.longestMicroBatchSeconds,
      outcome.longestMicroBatchSeconds,
    ),
  }
}

export const afterValidation = (
  course: Course,
  { loss, tokenAccuracy }: Validation,
  standing: Standing,
): Course => {
  const { counters } = course
  const measured = {
    validationLoss: loss,
    validationTokenAccuracy: tokenAccuracy,
    validatedStep: counters.step,
  }
  return { ...course, counters: { ...counters, ...measured, ...standing } }
}

export const stepRecord = (
  { counters }: Course,
  plan: StepPlan,
  { outcome, learningRate, lossScale }: TakenStep,
  tokensPerSecond: number,
): StepRecord => ({
  step: counters.step,
  epoch: epochAfter(plan, counters.step),
  loss: outcome.loss,
  learningRate,
  gradientNorm: outcome.gradientNorm,
  tokens: counters.tokens,
  tokensPerSecond,
  ...(lossScale ? { lossScale: lossScale.used.scale } : {}),
})

export const validationRecord = (
  { counters }: Course,
  plan: StepPlan,
  { loss, tokenAccuracy }: Validation,
): ValidationRecord => ({
  step: counters.step,
  epoch: epochAfter(plan, counters.step),
  validationLoss: loss,
  validationTokenAccuracy: tokenAccuracy,
})

export const progressOf = (
  { counters, longestMicroBatchSeconds }: Course,
  { plan, totalSteps }: { readonly plan: StepPlan; readonly totalSteps: number },
  { outcome, learningRate }: TakenStep,
  throughput: Throughput,
): TrainingProgress => ({
  step: counters.step,
  totalSteps,
  epoch: epochAfter(plan, counters.step),
  loss: outcome.loss,
  learningRate,
  gradientNorm: outcome.gradientNorm,
  ...(counters.validationLoss === undefined ? {} : { validationLoss: counters.validationLoss }),
  ...(counters.validationTokenAccuracy === undefined
    ? {}
    : { validationTokenAccuracy: counters.validationTokenAccuracy }),
  ...(counters.best
    ? { bestStep: counters.best.step, bestValidationLoss: counters.best.loss }
    : {}),
  tokensPerSecond: throughput.tokensPerSecond(),
  etaSeconds: throughput.eta(totalSteps - counters.step),
  microBatchSeconds: longestMicroBatchSeconds,
})
