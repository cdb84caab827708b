/** How a run ends that does not come to its end. */
import { StageStopped, trainingDiverged } from '../stage-error.ts'
import type { Course } from './course.ts'

export const stopped = ({ counters: { step } }: Course, totalSteps: number) =>
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

/** @param kept what is saved of the run, where its next step was to be taken */
export const diverged = ({ counters, savedStep }: Course, reason: string) => {
  const step = counters.step + 1
  const saved = savedStep === 0 ? '' : `; the checkpoint of step ${savedStep} is kept`
  return trainingDiverged(`step ${step}: ${reason}${saved}; ${adviceAt(step)}`)
}
