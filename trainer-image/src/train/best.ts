/** The best validation so far, and how long there was none that was better: Hugging Face's load_best_model_at_end and EarlyStoppingCallback. */
import type { ResolvedTraining } from '@attune/crds/resolved-spec.ts'
import { invalidSpec } from '../stage-error.ts'
import type { Validation } from './validate.ts'

export type Metric = NonNullable<ResolvedTraining['earlyStopping']>['metric']

export type Goal = {
  readonly metric: Metric
  /** validations without a gain after which training ends; it never does if absent */
  readonly patience?: number
  /** a gain has to be larger than this to count for `patience` */
  readonly minDelta: number
  /** whether what training results in is the state of the best validation */
  readonly keepBest: boolean
}

/** Part of a checkpoint. */
export type Best = Validation & { readonly step: number }
export type Standing = {
  readonly best?: Best
  /** validations since the last gain */
  readonly withoutGain?: number
}

const METRIC = 'validation/loss'

/** @returns undefined where no validation is compared with another */
export const goalOf = ({
  earlyStopping,
  keepBest,
}: Pick<ResolvedTraining, 'earlyStopping' | 'keepBest'>): Goal | undefined => {
  if (earlyStopping) return { ...earlyStopping, keepBest: keepBest ?? true }
  return keepBest ? { metric: METRIC, minDelta: 0, keepBest } : undefined
}

/** Without validation data there is nothing to compare. */
export const checkComparisons = (
  training: Pick<ResolvedTraining, 'earlyStopping' | 'keepBest'>,
  validation: { readonly count: number },
): void => {
  if (!goalOf(training) || validation.count > 0) return
  const field = training.earlyStopping ? 'earlyStopping' : 'keepBest'
  throw invalidSpec(
    `training.${field} compares validations, and no example is held out; give dataset.validation a fraction or a source, or leave training.${field} out`,
  )
}

/** @returns by how much `a` is better than `b`; negative where it is worse */
const gain = (metric: Metric, a: Validation, b: Validation): number =>
  metric === METRIC ? b.loss - a.loss : a.tokenAccuracy - b.tokenAccuracy

/** What is not a number is never better. */
export const isBetter = (goal: Goal, validation: Validation, best: Validation | undefined) =>
  Number.isFinite(validation.loss) && (!best || gain(goal.metric, validation, best) > 0)

/** As transformers has it, the best is the best by any margin, while patience asks for more than `minDelta`. */
export const standingAfter = (
  { best, withoutGain = 0 }: Standing,
  measured: Best,
  goal: Goal,
): Standing => {
  if (!isBetter(goal, measured, best))
    return { ...(best ? { best } : {}), withoutGain: withoutGain + 1 }
  const isGain = !best || gain(goal.metric, measured, best) > goal.minDelta
  return { best: measured, withoutGain: isGain ? 0 : withoutGain + 1 }
}

export const isOutOfPatience = ({ withoutGain = 0 }: Standing, goal: Goal | undefined): boolean =>
  goal?.patience !== undefined && withoutGain >= goal.patience
