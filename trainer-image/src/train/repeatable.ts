/** The micro-batches of a step once more, for one that is computed again. */
import type { StepPart } from './micro-batches.ts'

export type Repeatable = {
  /** the next of what was taken before, else of the run */
  readonly take: () => StepPart
  readonly rewind: () => void
}

export const repeatable = (take: () => StepPart): Repeatable => {
  const taken: StepPart[] = []
  let next = 0
  return {
    take: () => {
      const part = taken[next] ?? take()
      taken[next] = part
      next += 1
      return part
    },
    rewind: () => {
      next = 0
    },
  }
}
