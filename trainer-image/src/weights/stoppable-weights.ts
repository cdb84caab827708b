/** Weights whose reading ends with the stage: a large model takes longer to load than a pod has to stop. */
import type { Weights } from '../model/config.ts'
import { StageStopped } from '../stage-error.ts'

export const stoppableWeights = (weights: Weights, signal: AbortSignal): Weights => ({
  ...weights,
  read: async (name, room) => {
    if (signal.aborted) throw new StageStopped('stopped while loading the model')
    return weights.read(name, room)
  },
})
