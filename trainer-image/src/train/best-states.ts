/** Parameters of the best validation, each in a folder as a checkpoint is, for as long as a checkpoint names its step. */
import type { EngineState } from '../session/training-engine.ts'
import {
  type Counters,
  countersIn,
  isWhole,
  loadStep,
  removeAllBut,
  saveCheckpoint,
} from './checkpoint.ts'

export type BestStates = ReturnType<typeof bestStatesIn>

/** @param checkpoints folder of the run's checkpoints, which a resume goes on from */
export const bestStatesIn = (folder: string, checkpoints: string) => {
  const prune = async (...more: readonly number[]): Promise<void> => {
    const named = (await countersIn(checkpoints)).flatMap(({ best }) => (best ? [best.step] : []))
    await removeAllBut(folder, new Set([...named, ...more]))
  }
  return {
    /** @param counters of the step that the parameters are of */
    save: async (counters: Counters, { parameters }: EngineState): Promise<void> => {
      const none = new Map()
      const state = { parameters, firstMoments: none, secondMoments: none }
      await saveCheckpoint(folder, { counters, state }, Number.POSITIVE_INFINITY)
      await prune(counters.step)
    },
    /** Once a checkpoint is saved, older ones may be gone, and what only they named. */
    prune,
    load: async (step: number) => (await loadStep(folder, step))?.state.parameters,
    /** whether a resume finds what these counters name */
    has: async ({ best }: Counters): Promise<boolean> => !best || isWhole(folder, best.step),
  }
}
