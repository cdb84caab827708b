/** The only place that writes to Kubernetes: children, then status once, then Events. */
import type { EventRecorder } from '../kube/events.ts'
import type { KubeClient } from '../kube/kube-client.ts'
import { objectKey } from '../kube/kube-object.ts'
import { blockedStatus } from './blocked-status.ts'
import { createChild, refusal, removeChild, writeStatus } from './children.ts'
import { type InstructionTuningJob, InstructionTuningJobs } from './kinds.ts'
import type { Decision } from './situation.ts'

export type Actor = {
  readonly client: Pick<KubeClient, 'create' | 'find' | 'delete' | 'applyStatus'>
  readonly events: Pick<EventRecorder, 'record'>
  readonly now: () => number
}

const sayBlocked = async (actor: Actor, job: InstructionTuningJob, error: Error) => {
  const note = refusal(error)
  const status = note && blockedStatus(job, note, actor.now())
  if (status) await writeStatus(actor.client, InstructionTuningJobs, job, status)
}

export const act = async (
  actor: Actor,
  job: InstructionTuningJob,
  { apply, remove: removals, status, events }: Decision,
): Promise<void> => {
  for (const item of removals) await removeChild(actor.client, item)
  try {
    for (const child of apply) await createChild(actor.client, job, child)
  } catch (error) {
    if (error instanceof Error) await sayBlocked(actor, job, error)
    throw new Error(`${objectKey(job.metadata)}: its children could not be made`, { cause: error })
  }
  if (status) await writeStatus(actor.client, InstructionTuningJobs, job, status)
  for (const event of events) actor.events.record(job, event)
}
