/** The only place that writes to Kubernetes for a dataset: children, then status once, then Events. */
import { canonicalJson } from '@attune/crds/canonical-json.ts'
import { type Actor, carryOut } from '../job/carry-out.ts'
import { refusal, writeStatus } from '../job/children.ts'
import { trimMessage } from '../kube/conditions.ts'
import { datasetConditions } from './dataset-conditions.ts'
import { type InstructionDataset, InstructionDatasets } from './kinds.ts'
import type { Decision } from './situation.ts'

/** As before, and why the API server refuses what is to be made. */
const sayBlocked = async (actor: Actor, dataset: InstructionDataset, error: Error) => {
  const why = refusal(error)
  if (!why) return
  const { metadata, status } = dataset
  const generation = metadata.generation ?? 0
  const phase = why.stalled ? 'Failed' : 'Pending'
  const note = {
    reason: why.stalled ? ('InvalidSpec' as const) : ('Waiting' as const),
    message: trimMessage(why.message),
  }
  const now = actor.now()
  const conditions = datasetConditions(phase, note, status?.conditions, { generation, now })
  const next = { ...status, phase, observedGeneration: generation, conditions }
  if (canonicalJson(next) !== canonicalJson(status ?? null))
    await writeStatus(actor.client, InstructionDatasets, dataset, next)
}

export const act = (actor: Actor, dataset: InstructionDataset, decision: Decision): Promise<void> =>
  carryOut(
    actor,
    {
      kind: InstructionDatasets,
      object: dataset,
      sayBlocked: error => sayBlocked(actor, dataset, error),
    },
    decision,
  )
