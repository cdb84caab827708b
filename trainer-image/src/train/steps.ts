/** Which rows each optimizer step sees: pure arithmetic over (seed, step), so that a resume needs no cursor. */
import { permutation } from './permutation.ts'

export type StepPlan = {
  /** rows of the training set */
  readonly rows: number
  /** rows per optimizer step */
  readonly batchSize: number
  readonly seed: number
}

/** The last step of an epoch takes what is left, so epochs never mix. */
export const stepsPerEpoch = ({ rows, batchSize }: Pick<StepPlan, 'rows' | 'batchSize'>): number =>
  Math.ceil(rows / batchSize)

export type Length = { readonly epochs?: number; readonly maxSteps?: number }

/** @returns optimizer steps of the whole run; without epochs and maxSteps one epoch */
export const totalSteps = (plan: Pick<StepPlan, 'rows' | 'batchSize'>, length: Length): number =>
  length.maxSteps ?? Math.max(1, Math.ceil((length.epochs ?? 1) * stepsPerEpoch(plan)))

/** @returns steps after which this training ends, at the latest with its schedule */
export const lastStep = (
  plan: Pick<StepPlan, 'rows' | 'batchSize'>,
  { stopAfterSteps, ...length }: Length & { readonly stopAfterSteps?: number },
): number => Math.min(stopAfterSteps ?? Number.POSITIVE_INFINITY, totalSteps(plan, length))

/** @param step from 0
 * @returns row numbers of that step, in the order in which they are computed */
export const rowsOfStep = (plan: StepPlan, step: number): readonly number[] => {
  const perEpoch = stepsPerEpoch(plan)
  const epoch = Math.floor(step / perEpoch)
  const start = (step % perEpoch) * plan.batchSize
  return permutation(plan.rows, plan.seed, epoch).slice(start, start + plan.batchSize)
}

/** @param step from 0 */
export const rowCountOfStep = (plan: Pick<StepPlan, 'rows' | 'batchSize'>, step: number): number =>
  Math.min(plan.batchSize, plan.rows - (step % stepsPerEpoch(plan)) * plan.batchSize)

/** @returns passes over the data after so many steps, with fraction */
export const epochAfter = (plan: StepPlan, steps: number): number => steps / stepsPerEpoch(plan)
