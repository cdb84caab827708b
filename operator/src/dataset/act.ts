/** The only place that writes to Kubernetes for a dataset: children, then status once, then Events. */
import { canonicalJson } from '@attune/crds/canonical-json.ts'
import type { Actor } from '../job/act.ts'
import { createChild, refusal, removeChild, writeStatus } from '../job/children.ts'
import { trimMessage } from '../kube/conditions.ts'
import { objectKey } from '../kube/kube-object.ts'
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

export const act = async (
  actor: Actor,
  dataset: InstructionDataset,
  { apply, remove, status, events }: Decision,
): Promise<void> => {
  for (const item of remove) await removeChild(actor.client, item)
  try {
    for (const child of apply) await createChild(actor.client, dataset, child)
  } catch (error) {
    if (error instanceof Error) await sayBlocked(actor, dataset, error)
    const message = `${objectKey(dataset.metadata)}: its children could not be made`
    throw new Error(message, { cause: error })
  }
  if (status) await writeStatus(actor.client, InstructionDatasets, dataset, status)
  for (const event of events) actor.events.record(dataset, event)
}
