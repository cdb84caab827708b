/** Median stopping rule (Golovin et al. 2017, Google Vizier, section 3.2.2) on validation losses. */
import type { TrialStatus, Validation } from '@attune/crds/tuning-experiment-status.ts'
import { VALIDATIONS_MAX } from '@attune/crds/tuning-experiment-status.ts'
import type { ExperimentSpec } from './kinds.ts'
import type { MadeTrial } from './trial.ts'

type EarlyStopping = NonNullable<ExperimentSpec['earlyStopping']>

/** The losses that were seen, and the newest; every second one goes where they are too many. */
export const validationsOf = (
  { job }: Pick<MadeTrial, 'job'>,
  before: readonly Validation[] = [],
): readonly Validation[] => {
  const { step = 0, totalSteps = 0, validationLoss } = job.status?.training ?? {}
  const every = job.spec?.evaluation.everySteps ?? 1
  // measured at every so many steps and at the end
  const at = step === totalSteps ? step : Math.floor(step / every) * every
  if (validationLoss === undefined || at <= (before.at(-1)?.step ?? 0)) return before
  const all = [...before, { step: at, loss: validationLoss }]
  return all.length > VALIDATIONS_MAX ? all.filter((_, index) => index % 2 === 1) : all
}

const mean = (values: readonly number[]) =>
  values.reduce((sum, value) => sum + value, 0) / values.length

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  return mean([sorted[Math.ceil(middle) - 1] ?? 0, sorted[Math.floor(middle)] ?? 0])
}

const upTo = (validations: readonly Validation[], step: number): readonly number[] =>
  validations.filter(validation => validation.step <= step).map(({ loss }) => loss)

/** @returns why it is hopeless; undefined where it is not */
export const hopeless = (
  validations: readonly Validation[],
  rows: readonly TrialStatus[],
  { minTrials = 1, afterSteps = 0 }: EarlyStopping,
): string | undefined => {
  const step = validations.at(-1)?.step
  if (step === undefined || step < afterSteps) return undefined
  const means = rows
    .filter(({ phase }) => phase === 'Succeeded')
    .map(row => upTo(row.validations ?? [], step))
    .filter(losses => losses.length > 0)
    .map(mean)
  if (means.length < minTrials) return undefined
  const best = Math.min(...upTo(validations, step))
  const bound = median(means)
  return best > bound
    ? `step ${step}: lowest validation loss ${best.toPrecision(4)} is above ${bound.toPrecision(4)}, the median of ${means.length} trials up to there`
    : undefined
}
