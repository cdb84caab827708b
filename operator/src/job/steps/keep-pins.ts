/** A trial's run starts from what the trials of its experiment have in common. */
import { isFinished, withRun } from '../run.ts'
import type { RunStep } from '../situation.ts'

export const keepPins: RunStep = ({ run, runs, observed: { pins } }) => {
  if (!pins || isFinished(run)) return undefined
  const kept = {
    ...(pins.model && !run.model ? { model: pins.model } : {}),
    ...(pins.content && !run.content ? { content: pins.content } : {}),
  }
  return Object.keys(kept).length > 0
    ? { runs: withRun(runs, { ...run, ...kept }), goesOn: true }
    : undefined
}
