/** How the Train stage computes what the plan says, on this machine's cores. */
import type { Pieces } from '../train/pieces.ts'
import { choosePieces, type PlanInputs } from './choose-pieces.ts'

export const planPieces = (inputs: PlanInputs): Pieces => {
  const { microBatchSize, recomputedLayers: recompute, replicas } = choosePieces(inputs)
  return { microBatchSize, recompute, threads: inputs.cores, replicas }
}
