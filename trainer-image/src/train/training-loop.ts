/** The steps of a run, from a checkpoint's counters to the last step; all effects go through the options. */
import type { TrainingProgress } from '@attune/crds/stage.ts'
import type { PreparedDataset } from '../data/prepared.ts'
import { StageStopped, trainingDiverged } from '../stage-error.ts'
import type { Counters } from './checkpoint.ts'
import type { StepRecord, ValidationRecord } from './metrics-log.ts'
import { runStep, type StepOptions, type StepOutcome } from './run-step.ts'
import { epochAfter, rowsOfStep, type StepPlan } from './steps.ts'
import { createThroughput } from './throughput.ts'
import { type Validation, validate } from './validate.ts'

export type LoopOptions = Pick<StepOptions, 'engine' | 'microBatchSize' | 'signal' | 'clock'> & {
  readonly data: PreparedDataset
  readonly plan: StepPlan
  readonly totalSteps: number
  readonly evaluateEvery: number
  readonly checkpointEvery: number
  /** step from 0 → learning rate of its update */
  readonly learningRate: (step: number) => number
  readonly update: Omit<StepOptions['update'], 'learningRate' | 'step'>
  /** called with the counters that belong to the engine's state */
  readonly save: (counters: Counters) => Promise<void>
  readonly record: (entry: StepRecord | ValidationRecord) => Promise<void>
  readonly report: (progress: TrainingProgress) => void
  /** time of one optimizer step */
  readonly observe: (seconds: number) => void
}

export type LoopResult = { readonly counters: Counters; readonly longestMicroBatchSeconds: number }

const stopped = (step: number, totalSteps: number) =>
  new StageStopped(
    step === 0
      ? 'stopped before the first step; there is nothing to save yet'
      : `stopped after step ${step} of ${totalSteps}; a checkpoint is saved`,
  )

const diverged = (outcome: StepOutcome, step: number) =>
  trainingDiverged(
    `step ${step}: loss ${outcome.loss}, gradient norm ${outcome.gradientNorm}; lower training.learningRate or raise schedule.warmupFraction`,
  )

/** @param start counters of the state that the engine holds */
export const trainingLoop = async (start: Counters, options: LoopOptions): Promise<LoopResult> => {
  const { engine, data, plan, totalSteps, signal, clock } = options
  const throughput = createThroughput()
  let counters = start
  let savedAt = start.step
  let longest = 0
  let validation: Validation | undefined

  const save = async () => {
    if (counters.step === savedAt) return
    await options.save(counters)
    savedAt = counters.step
  }
  const measure = async () => {
    validation = await validate(engine, data.validation, options.microBatchSize, signal)
    if (!validation) return
    counters = { ...counters, validationLoss: validation.loss, validatedStep: counters.step }
    await options.record({
      step: counters.step,
      epoch: epochAfter(plan, counters.step),
      validationLoss: validation.loss,
      validationTokenAccuracy: validation.tokenAccuracy,
    })
  }
  const progress = (outcome: StepOutcome, learningRate: number): TrainingProgress => ({
    step: counters.step,
    totalSteps,
    epoch: epochAfter(plan, counters.step),
    loss: outcome.loss,
    learningRate,
    gradientNorm: outcome.gradientNorm,
    ...(counters.validationLoss === undefined ? {} : { validationLoss: counters.validationLoss }),
    ...(validation ? { validationTokenAccuracy: validation.tokenAccuracy } : {}),
    tokensPerSecond: throughput.tokensPerSecond(),
    etaSeconds: throughput.eta(totalSteps - counters.step),
    microBatchSeconds: longest,
  })

  const isDue = () => counters.step % options.evaluateEvery === 0 || counters.step === totalSteps

  // a stop may have come between the step and its validation
  if (counters.step > 0 && isDue() && counters.validatedStep !== counters.step) await measure()
  while (counters.step < totalSteps) {
    const { step } = counters
    const started = clock()
    const learningRate = options.learningRate(step)
    const outcome = await runStep({
      engine,
      rows: rowsOfStep(plan, step).map(index => data.train.row(index)),
      microBatchSize: options.microBatchSize,
      update: { ...options.update, learningRate, step: step + 1 },
      signal,
      clock,
    })
    if (!outcome) {
      await save()
      throw stopped(counters.step, totalSteps)
    }
    if (!Number.isFinite(outcome.loss)) {
      await save()
      throw diverged(outcome, step + 1)
    }
    if (!Number.isFinite(outcome.gradientNorm)) throw diverged(outcome, step + 1)
    const seconds = clock() - started
    throughput.add({ tokens: outcome.tokens, seconds })
    options.observe(seconds)
    longest = Math.max(longest, outcome.longestMicroBatchSeconds)
    counters = {
      ...counters,
      step: step + 1,
      tokens: counters.tokens + outcome.tokens,
      seconds: counters.seconds + seconds,
      lastLoss: outcome.loss,
    }
    await options.record({
      step: counters.step,
      epoch: epochAfter(plan, counters.step),
      loss: outcome.loss,
      learningRate,
      gradientNorm: outcome.gradientNorm,
      tokens: counters.tokens,
      tokensPerSecond: throughput.tokensPerSecond(),
    })
    if (isDue()) await measure()
    options.report(progress(outcome, learningRate))
    if (counters.step % options.checkpointEvery === 0 && counters.step < totalSteps) await save()
  }
  await save()
  return { counters, longestMicroBatchSeconds: longest }
}
