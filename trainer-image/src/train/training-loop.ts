/** The steps of a run, from a checkpoint's counters to the last step; all effects go through the options. */
import type { TrainingProgress } from '@attune/crds/stage.ts'
import type { PreparedDataset } from '../data/prepared.ts'
import { StageStopped, trainingDiverged } from '../stage-error.ts'
import type { Counters } from './checkpoint.ts'
import {
  afterStep,
  afterValidation,
  type Course,
  progressOf,
  startOf,
  stepRecord,
  type TakenStep,
  validationRecord,
} from './course.ts'
import type { StepRecord, ValidationRecord } from './metrics-log.ts'
import { runStep, type StepOptions, type StepOutcome } from './run-step.ts'
import { rowsOfStep, type StepPlan } from './steps.ts'
import { createThroughput, type Throughput } from './throughput.ts'
import { validate } from './validate.ts'

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
  /** time of one optimizer step, and of each part of training */
  readonly observe: (part: 'step' | Part, seconds: number) => void
}

/** The first three make a step. */
export type Part = 'data' | 'gradients' | 'update' | 'validation' | 'checkpoint'

export type LoopResult = { readonly counters: Counters; readonly longestMicroBatchSeconds: number }

const stopped = (step: number, totalSteps: number) =>
  new StageStopped(
    step === 0
      ? 'stopped before the first step; there is nothing to save yet'
      : `stopped after step ${step} of ${totalSteps}; a checkpoint is saved`,
  )

/** Before the first update the adapter changes nothing, so the base itself gives no number. */
const adviceAt = (step: number) =>
  step === 1
    ? 'no update was made yet, so the learning rate is not at fault: weights of the base model are not finite, or too large for its precision; check them, or choose another base'
    : 'lower training.learningRate or raise schedule.warmupFraction'

const diverged = ({ loss, gradientNorm }: StepOutcome, step: number) =>
  trainingDiverged(`step ${step}: loss ${loss}, gradient norm ${gradientNorm}; ${adviceAt(step)}`)

const isDue = (step: number, { evaluateEvery, totalSteps }: LoopOptions): boolean =>
  step % evaluateEvery === 0 || step === totalSteps

const save = async (course: Course, options: LoopOptions): Promise<Course> => {
  const { counters, savedStep } = course
  if (counters.step === savedStep) return course
  const started = options.clock()
  await options.save(counters)
  options.observe('checkpoint', options.clock() - started)
  return { ...course, savedStep: counters.step }
}

const measure = async (course: Course, options: LoopOptions): Promise<Course> => {
  const { engine, data, plan, microBatchSize, signal, clock } = options
  const started = clock()
  const validation = await validate(engine, data.validation, microBatchSize, signal)
  if (!validation) {
    const { validation: _, ...unmeasured } = course
    return unmeasured
  }
  options.observe('validation', clock() - started)
  const measured = afterValidation(course, validation)
  await options.record(validationRecord(measured, plan, validation))
  return measured
}

/** Else what is good so far is saved, and the run ends. */
const goodOutcome = async (
  course: Course,
  learningRate: number,
  options: LoopOptions,
): Promise<StepOutcome> => {
  const { engine, data, plan, totalSteps, microBatchSize, signal, clock } = options
  const { step } = course.counters
  const started = clock()
  const rows = rowsOfStep(plan, step).map(index => data.train.row(index))
  options.observe('data', clock() - started)
  const outcome = await runStep({
    engine,
    rows,
    microBatchSize,
    update: { ...options.update, learningRate, step: step + 1 },
    signal,
    clock,
  })
  if (!outcome) {
    await save(course, options)
    throw stopped(step, totalSteps)
  }
  if (!Number.isFinite(outcome.loss)) {
    await save(course, options)
    throw diverged(outcome, step + 1)
  }
  if (!Number.isFinite(outcome.gradientNorm)) throw diverged(outcome, step + 1)
  return outcome
}

const takeStep = async (
  before: Course,
  throughput: Throughput,
  options: LoopOptions,
): Promise<Course> => {
  const { plan, totalSteps, clock } = options
  const started = clock()
  const learningRate = options.learningRate(before.counters.step)
  const outcome = await goodOutcome(before, learningRate, options)
  const taken: TakenStep = { outcome, learningRate, seconds: clock() - started }
  throughput.add({ tokens: outcome.tokens, seconds: taken.seconds })
  options.observe('step', taken.seconds)
  options.observe('gradients', outcome.gradientSeconds)
  if (outcome.updateSeconds !== undefined) options.observe('update', outcome.updateSeconds)
  const stepped = afterStep(before, taken)
  await options.record(stepRecord(stepped, plan, taken, throughput.tokensPerSecond()))
  const { step } = stepped.counters
  const course = isDue(step, options) ? await measure(stepped, options) : stepped
  options.report(progressOf(course, options, taken, throughput))
  return step % options.checkpointEvery === 0 && step < totalSteps ? save(course, options) : course
}

/** @param start counters of the state that the engine holds */
export const trainingLoop = async (start: Counters, options: LoopOptions): Promise<LoopResult> => {
  const { data, signal, totalSteps } = options
  const throughput = createThroughput()
  let course = startOf(start)
  // a stop may have come between the step and its validation
  if (start.step > 0 && isDue(start.step, options) && start.validatedStep !== start.step)
    course = await measure(course, options)
  while (course.counters.step < totalSteps) course = await takeStep(course, throughput, options)
  // what the run has to show for itself is then an older validation's
  const isUnmeasured = data.validation.count > 0 && course.counters.validatedStep !== totalSteps
  if (signal.aborted && isUnmeasured) {
    await save(course, options)
    throw stopped(course.counters.step, totalSteps)
  }
  const { counters, longestMicroBatchSeconds } = await save(course, options)
  return { counters, longestMicroBatchSeconds }
}
