/** A spec that can never work fails before anything is made. */
import { currentStage, isFinished } from '../run.ts'
import type { RunStep } from '../situation.ts'
import { specProblem } from '../spec-rules.ts'
import { failRun } from './end-run.ts'

export const rejectInvalidSpec: RunStep = situation => {
  const { run, spec } = situation
  if (isFinished(run) || currentStage(run)?.state !== 'Pending') return undefined
  const message = specProblem(spec)
  return message === undefined
    ? undefined
    : failRun(situation, run, { reason: 'InvalidSpec', message })
}
