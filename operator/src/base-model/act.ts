/** The only place that writes to Kubernetes for an entry: status once, then Events. It has no children. */
import { writeStatus } from '../job/children.ts'
import type { EventRecorder } from '../kube/events.ts'
import type { KubeClient } from '../kube/kube-client.ts'
import { type BaseModel, BaseModels } from './kinds.ts'
import type { Decision } from './situation.ts'

export type Actor = {
  readonly client: Pick<KubeClient, 'applyStatus'>
  readonly events: Pick<EventRecorder, 'record'>
}

export const act = async (
  { client, events }: Actor,
  model: BaseModel,
  { status, events: told }: Decision,
): Promise<void> => {
  if (status) await writeStatus(client, BaseModels, model, status)
  for (const event of told) events.record(model, event)
}
