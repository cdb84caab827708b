/** Validation losses of a training by the step at which they were measured, bounded. */
import {
  type TrainingStatus,
  VALIDATIONS_MAX,
  type Validation,
} from '@attune/crds/instruction-tuning-job-status.ts'

type Seen = Pick<TrainingStatus, 'step' | 'totalSteps' | 'validationLoss'>

/** Those before, and the newest; every second one goes where they are too many. */
export const withValidation = (
  before: readonly Validation[],
  { step, totalSteps, validationLoss }: Seen,
  everySteps: number,
): readonly Validation[] => {
  // measured at every so many steps and at the end
  const at = step === totalSteps ? step : Math.floor(step / everySteps) * everySteps
  if (validationLoss === undefined || at <= (before.at(-1)?.step ?? 0)) return before
  const all = [...before, { step: at, loss: validationLoss }]
  return all.length > VALIDATIONS_MAX ? all.filter((_, index) => index % 2 === 1) : all
}
