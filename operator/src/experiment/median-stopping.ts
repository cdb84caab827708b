/** Median stopping rule (Golovin et al. 2017, Google Vizier, section 3.2.2) on validation losses. */
import type { Validation } from '@attune/crds/instruction-tuning-job-status.ts'
import type { ExperimentSpec } from './kinds.ts'

type EarlyStopping = NonNullable<ExperimentSpec['earlyStopping']>

const mean = (values: readonly number[]) =>
  values.reduce((sum, value) => sum + value, 0) / values.length

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  return mean([sorted[Math.ceil(middle) - 1] ?? 0, sorted[Math.floor(middle)] ?? 0])
}

const upTo = (validations: readonly Validation[], step: number): readonly number[] =>
  validations.filter(validation => validation.step <= step).map(({ loss }) => loss)

/**
 * @param others losses of each trial that has succeeded
 * @returns why it is hopeless; undefined where it is not
 */
export const hopeless = (
  validations: readonly Validation[],
  others: readonly (readonly Validation[])[],
  { minTrials = 1, afterSteps = 0 }: EarlyStopping,
): string | undefined => {
  const step = validations.at(-1)?.step
  if (step === undefined || step < afterSteps) return undefined
  const means = others
    .map(other => upTo(other, step))
    .filter(losses => losses.length > 0)
    .map(mean)
  if (means.length < minTrials) return undefined
  const best = Math.min(...upTo(validations, step))
  const bound = median(means)
  return best > bound
    ? `step ${step}: lowest validation loss ${best.toPrecision(4)} is above ${bound.toPrecision(4)}, the median of ${means.length} trials up to there`
    : undefined
}
