/** What follows from a decision, in its order: children go and are made, then status once, then Events. */
import type { EventRecorder } from '../kube/events.ts'
import type { KubeClient } from '../kube/kube-client.ts'
import { isConflict } from '../kube/kube-error.ts'
import { type KubeObject, objectKey, type ResourceKind } from '../kube/kube-object.ts'
import { applyChild, removeChild, writeStatus } from './children.ts'
import type { Child, Removal } from './situation.ts'

export type Actor = {
  readonly client: Pick<KubeClient, 'create' | 'find' | 'patch' | 'delete' | 'applyStatus'>
  readonly events: Pick<EventRecorder, 'record'>
  readonly now: () => number
}

type Owner = {
  readonly kind: ResourceKind
  readonly object: KubeObject
  /** tells in its status why the API server refuses a child */
  readonly sayBlocked: (error: Error) => Promise<void>
  /** the decision's status was written */
  readonly wrote?: () => void
}

type Decision = {
  readonly apply: readonly Child[]
  readonly remove: readonly Removal[]
  readonly status?: object
  readonly events: readonly Parameters<EventRecorder['record']>[1][]
}

export const carryOut = async (
  { client, events: recorder }: Actor,
  { kind, object, sayBlocked, wrote }: Owner,
  { apply, remove, status, events }: Decision,
): Promise<void> => {
  for (const item of remove) await removeChild(client, item)
  try {
    for (const child of apply) await applyChild(client, object, child)
  } catch (error) {
    // what is to be put right was changed again: the newer version is on its way to the cache
    if (isConflict(error)) throw error
    if (error instanceof Error) await sayBlocked(error)
    const message = `${objectKey(object.metadata)}: its children could not be made`
    throw new Error(message, { cause: error })
  }
  if (status) {
    await writeStatus(client, kind, object, status)
    wrote?.()
  }
  for (const event of events) recorder.record(object, event)
}
