/** The steps of a run, from a checkpoint's counters to the last step; all effects go through the options. */
import type { TrainingProgress } from '@attune/crds/stage.ts'
import type { PreparedDataset } from '../data/prepared.ts'
import {
  afterOverflow,
  afterUpdate,
  FIRST_LOSS_SCALE,
  type LossScale,
} from '../precision/loss-scale.ts'
import type { UpdateOptions } from '../session/training-engine.ts'
import { type Best, type Goal, isBetter, isOutOfPatience, standingAfter } from './best.ts'
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
import { judgeLoss, NO_HISTORY } from './divergence.ts'
import { diverged, stopped } from './endings.ts'
import type { StepRecord, ValidationRecord } from './metrics-log.ts'
import { type PartsOptions, partsFrom } from './micro-batches.ts'
import { oneAhead } from './one-ahead.ts'
import { repeatable } from './repeatable.ts'
import { applyGradients, gatherGradients, type StepOptions } from './run-step.ts'
import { createThroughput, type Throughput } from './throughput.ts'
import { type Validation, validate } from './validate.ts'

export type LoopOptions = Pick<StepOptions, 'engine' | 'signal' | 'clock'> &
  PartsOptions & {
    readonly data: PreparedDataset
    /** of the schedule, wherever this training stops */
    readonly scheduledSteps: number
    /** steps whose loss is not judged */
    readonly warmupSteps: number
    readonly evaluateEvery: number
    readonly checkpointEvery: number
    /** whether validations are compared, and to what end */
    readonly goal?: Goal | undefined
    /** step from 0 → learning rate of its update */
    readonly learningRate: (step: number) => number
    readonly update: Omit<UpdateOptions, 'targets' | 'learningRate' | 'step' | 'lossScale'>
    /** whether gradients are computed in a type so small that the loss has to be scaled */
    readonly scalesLoss?: boolean
    /** gradients of a step, from 1, did not fit at this scale: it is computed again at half of it */
    readonly overflowed?: (step: number, scale: number) => void
    /** called with the counters that belong to the engine's state */
    readonly save: (counters: Counters) => Promise<void>
    /** the engine's parameters are the best so far; called before counters that say so are saved */
    readonly keep: (counters: Counters) => Promise<void>
    readonly record: (entry: StepRecord | ValidationRecord) => Promise<void>
    readonly report: (progress: TrainingProgress) => void
    /** time of one optimizer step, and of each part of training */
    readonly observe: (part: 'step' | Part, seconds: number) => void
  }

/** The first three make a step. */
export type Part = 'data' | 'gradients' | 'update' | 'validation' | 'checkpoint'

export type LoopResult = {
  readonly counters: Counters
  readonly longestMicroBatchSeconds: number
  /** the validation whose state is the result, where that is not the last step's */
  readonly kept?: Best
  readonly stoppedEarly: boolean
}

type Run = LoopOptions & Pick<StepOptions, 'take'> & { readonly throughput: Throughput }

const isDue = (step: number, { evaluateEvery, totalSteps }: LoopOptions): boolean =>
  step % evaluateEvery === 0 || step === totalSteps

/** A training that stops in between validates there, which one that goes on does not: what follows must not depend on it. */
const isCompared = (step: number, { evaluateEvery, scheduledSteps }: LoopOptions): boolean =>
  step % evaluateEvery === 0 || step === scheduledSteps

const save = async (course: Course, options: LoopOptions): Promise<Course> => {
  const { counters, savedStep } = course
  if (counters.step === savedStep) return course
  const started = options.clock()
  await options.save(counters)
  options.observe('checkpoint', options.clock() - started)
  return { ...course, savedStep: counters.step }
}

const isSuspicious = ({ counters }: Course): boolean => (counters.history?.streak ?? 0) > 0

/** While the loss runs away, the checkpoint from before is the one to keep; a stop is no reason to lose what came since. */
const saveGood = (course: Course, options: LoopOptions): Promise<Course> =>
  isSuspicious(course) ? Promise.resolve(course) : save(course, options)

const standingOf = async (course: Course, measured: Best, options: LoopOptions) => {
  const { goal } = options
  if (!goal || !isCompared(measured.step, options)) return {}
  const standing = standingAfter(course.counters, measured, goal)
  if (goal.keepBest && standing.best === measured) await options.keep(course.counters)
  return standing
}

/** @param like the step, from 0, that it is computed like */
const measure = async (course: Course, like: number, options: LoopOptions): Promise<Course> => {
  const { engine, data, plan, groupingAt, signal, clock } = options
  const started = clock()
  const validation = await validate(engine, data.validation, groupingAt(like), signal)
  if (!validation) return course
  options.observe('validation', clock() - started)
  const best = { ...validation, step: course.counters.step }
  const measured = afterValidation(course, validation, await standingOf(course, best, options))
  await options.record(validationRecord(measured, plan, validation))
  return measured
}

type Tried = Pick<TakenStep, 'outcome' | 'learningRate' | 'history'>

/** Else what is good so far is saved, and the run ends. A norm that is not finite has changed nothing. */
const tryStep = async (
  course: Course,
  options: Run & Pick<StepOptions, 'lossScale'>,
): Promise<Tried> => {
  const { totalSteps, warmupSteps } = options
  const { step, history = NO_HISTORY } = course.counters
  const gradients = await gatherGradients(options)
  if (!gradients) throw stopped(await save(course, options), totalSteps)
  const judged = judgeLoss(history, gradients.loss, step >= warmupSteps)
  if (judged.reason) {
    // of a loss that grew, the state at hand is the outcome
    const kept = Number.isFinite(gradients.loss) ? course : await saveGood(course, options)
    throw diverged(kept, judged.reason)
  }
  const learningRate = options.learningRate(step)
  const update = { ...options.update, learningRate, step: step + 1 }
  const outcome = await applyGradients(gradients, update, options)
  return { outcome, learningRate, history: judged.history }
}

const hasFiniteNorm = ({ outcome }: Tried): boolean => Number.isFinite(outcome.gradientNorm)

const divergedIn = async ({ outcome }: Tried, course: Course, options: Run) => {
  const { loss, gradientNorm } = outcome
  const kept = await saveGood(course, options)
  return diverged(kept, `loss ${loss}, gradient norm ${gradientNorm}`)
}

/** Tries smaller scales until the gradients fit. */
const scaledStep = async (course: Course, options: Run): Promise<Omit<TakenStep, 'seconds'>> => {
  const { take, rewind } = repeatable(options.take)
  let used: LossScale = course.counters.lossScale ?? FIRST_LOSS_SCALE
  for (;;) {
    const tried = await tryStep(course, { ...options, take, lossScale: used })
    if (hasFiniteNorm(tried)) return { ...tried, lossScale: { used, next: afterUpdate(used) } }
    const smaller = afterOverflow(used)
    if (!smaller) throw await divergedIn(tried, course, options)
    options.overflowed?.(course.counters.step + 1, used.scale)
    used = smaller
    rewind()
  }
}

const goodStep = async (course: Course, options: Run): Promise<TakenStep> => {
  const { clock, scalesLoss = false } = options
  const started = clock()
  const taken = scalesLoss ? await scaledStep(course, options) : await tryStep(course, options)
  if (!hasFiniteNorm(taken)) throw await divergedIn(taken, course, options)
  return { ...taken, seconds: clock() - started }
}

const tell = ({ outcome, seconds }: TakenStep, { throughput, observe }: Run): void => {
  throughput.add({ tokens: outcome.tokens, seconds })
  observe('step', seconds)
  observe('data', outcome.dataSeconds)
  observe('gradients', outcome.gradientSeconds)
  observe('update', outcome.updateSeconds)
}

const takeStep = async (before: Course, options: Run): Promise<Course> => {
  const { plan, totalSteps, throughput } = options
  const taken = await goodStep(before, options)
  tell(taken, options)
  const stepped = afterStep(before, taken)
  await options.record(stepRecord(stepped, plan, taken, throughput.tokensPerSecond()))
  const { step } = stepped.counters
  const course = isDue(step, options) ? await measure(stepped, step - 1, options) : stepped
  options.report(progressOf(course, options, taken, throughput))
  const isLast = step === totalSteps || isOutOfPatience(course.counters, options.goal)
  return step % options.checkpointEvery === 0 && !isLast ? saveGood(course, options) : course
}

const newest = ({ step, ...counters }: Counters): Validation | undefined => {
  const { validatedStep, validationLoss: loss, validationTokenAccuracy } = counters
  if (validatedStep !== step || loss === undefined || validationTokenAccuracy === undefined)
    return undefined
  return { loss, tokenAccuracy: validationTokenAccuracy }
}

/** Where it stopped in between, the last state may be better than the best that was compared. */
const keptOf = ({ counters }: Course, goal: Goal | undefined): Best | undefined => {
  const { best, step } = counters
  if (!goal?.keepBest || !best || best.step === step) return undefined
  const last = newest(counters)
  return last && isBetter(goal, last, best) ? undefined : best
}

/** @param start counters of the state that the engine holds */
export const trainingLoop = async (start: Counters, options: LoopOptions): Promise<LoopResult> => {
  const { data, signal, totalSteps, scheduledSteps, goal } = options
  const { take } = oneAhead(partsFrom(start.step, options))
  const run: Run = { ...options, take, throughput: createThroughput() }
  let course = startOf(start)
  // a stop may have come between the step and its validation
  if (start.step > 0 && isDue(start.step, options) && start.validatedStep !== start.step)
    // with what comes next: it may be what memory ran out for
    course = await measure(course, start.step, options)
  const isOver = () => course.counters.step >= totalSteps || isOutOfPatience(course.counters, goal)
  while (!isOver()) course = await takeStep(course, run)
  // what the run has to show for itself is then an older validation's
  const { step, validatedStep } = course.counters
  if (signal.aborted && data.validation.count > 0 && validatedStep !== step)
    throw stopped(await save(course, options), totalSteps)
  const { counters, longestMicroBatchSeconds } = await save(course, options)
  const kept = keptOf(course, goal)
  const stoppedEarly = isOutOfPatience(counters, goal) && counters.step < scheduledSteps
  return { counters, longestMicroBatchSeconds, stoppedEarly, ...(kept ? { kept } : {}) }
}
