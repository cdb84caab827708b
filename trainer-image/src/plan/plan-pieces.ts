/** How the Train stage computes what the plan says, on this machine's cores. */
import type { Pieces } from '../train/pieces.ts'
import { makePlan, type PlanInputs, plannedReplicas } from './make-plan.ts'

export const planPieces = (inputs: PlanInputs): Pieces => {
  const { microBatchSize, recompute, recomputedLayers } = makePlan(inputs)
  const recomputed = recomputedLayers ?? (recompute ? inputs.config.layers : 0)
  const replicas = plannedReplicas(inputs, { microBatchSize, recomputedLayers: recomputed })
  return { microBatchSize, recompute: recomputed, threads: inputs.cores, replicas }
}
