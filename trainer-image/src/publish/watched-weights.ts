/** Weights that are read for publishing: a stop is heard between two tensors, and progress is told. */
import type { Weights } from '../model/config.ts'
import { StageStopped } from '../stage-error.ts'

export type Watch = {
  readonly signal: AbortSignal
  /** @param share of the tensors that are done, 0…1 */
  readonly onTensor: (share: number) => void
}

export const watchedWeights = (weights: Weights, { signal, onTensor }: Watch): Weights => {
  let done = 0
  return {
    ...weights,
    read: async name => {
      if (signal.aborted) throw new StageStopped('stopped while the tuned model was written')
      const data = await weights.read(name)
      done += 1
      onTensor(Math.min(1, done / weights.names.length))
      return data
    },
  }
}
