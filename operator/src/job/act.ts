/** The only place that writes to Kubernetes: children, then status once, then Events. */
import type { InstructionTuningJobStatus } from '@attune/crds/instruction-tuning-job-status.ts'
import type { EventRecorder } from '../kube/events.ts'
import type { KubeClient } from '../kube/kube-client.ts'
import {
  isAlreadyExists,
  isConflict,
  isForbidden,
  isInvalid,
  isNotFound,
} from '../kube/kube-error.ts'
import { objectKey, type ResourceKind } from '../kube/kube-object.ts'
import { ownedBy } from '../kube/predicates.ts'
import { blockedStatus } from './blocked-status.ts'
import {
  API_VERSION,
  Claims,
  ConfigMaps,
  type InstructionTuningJob,
  InstructionTuningJobs,
  KIND,
  StageJobs,
} from './kinds.ts'
import type { Note } from './job-conditions.ts'
import { FIELD_MANAGER } from './names.ts'
import type { Child, ChildKind, Decision, Removal } from './situation.ts'

export type Actor = {
  readonly client: Pick<KubeClient, 'create' | 'find' | 'delete' | 'applyStatus'>
  readonly events: Pick<EventRecorder, 'record'>
  readonly now: () => number
}

const RESOURCES: Readonly<Record<ChildKind, ResourceKind>> = {
  Job: StageJobs,
  ConfigMap: ConfigMaps,
  PersistentVolumeClaim: Claims,
}

/** Another object has the name of a child; only a person can say which of the two is to go. */
export class NameTaken extends Error {
  override readonly name = 'NameTaken'
}

/**
 * Created and not applied: what Kubernetes and Kueue change on a child later is theirs, and an apply would
 * take over an object of the same name that is not ours.
 */
const create = async ({ client }: Actor, job: InstructionTuningJob, { kind, manifest }: Child) => {
  const resource = RESOURCES[kind]
  try {
    await client.create(resource, manifest, { fieldManager: FIELD_MANAGER })
  } catch (error) {
    if (!isAlreadyExists(error)) throw error
    const there = await client.find(resource, manifest.metadata)
    // our cache was behind: it is the one we meant
    if (there && ownedBy(job, there) && !there.metadata.deletionTimestamp) return
    const message = there && ownedBy(job, there) ? 'is still being deleted' : 'belongs to another'
    throw new NameTaken(`${kind} ${manifest.metadata.name} ${message}`, { cause: error })
  }
}

const remove = async ({ client }: Actor, { kind, ref, uid }: Removal) => {
  try {
    await client.delete(RESOURCES[kind], ref, {
      propagationPolicy: 'Background',
      preconditions: { uid },
    })
  } catch (error) {
    // gone already, or a new one of the same name
    if (!isNotFound(error) && !isConflict(error)) throw error
  }
}

const applyStatus = async (
  { client }: Actor,
  { metadata }: InstructionTuningJob,
  status: InstructionTuningJobStatus,
) => {
  const { name, namespace, resourceVersion } = metadata
  const manifest = {
    apiVersion: API_VERSION,
    kind: KIND,
    // the version that was looked at: a decision from an old cache must not undo a newer one
    metadata: { name, ...(namespace ? { namespace } : {}), resourceVersion },
    status,
  }
  await client.applyStatus(InstructionTuningJobs, manifest, {
    fieldManager: FIELD_MANAGER,
    force: true,
  })
}

/** Undefined where the same request may succeed in a moment, so that it is not worth telling. */
const obstacle = (error: Error): Note | undefined => {
  if (isInvalid(error)) return { reason: 'InvalidSpec', message: error.message, stalled: true }
  if (error instanceof NameTaken || isForbidden(error))
    return { reason: 'Waiting', message: error.message }
  return undefined
}

const sayBlocked = async (actor: Actor, job: InstructionTuningJob, error: Error) => {
  const note = obstacle(error)
  const status = note && blockedStatus(job, note, actor.now())
  if (status) await applyStatus(actor, job, status)
}

export const act = async (
  actor: Actor,
  job: InstructionTuningJob,
  { apply, remove: removals, status, events }: Decision,
): Promise<void> => {
  for (const item of removals) await remove(actor, item)
  try {
    for (const child of apply) await create(actor, job, child)
  } catch (error) {
    if (error instanceof Error) await sayBlocked(actor, job, error)
    throw new Error(`${objectKey(job.metadata)}: its children could not be made`, { cause: error })
  }
  if (status) await applyStatus(actor, job, status)
  for (const event of events) actor.events.record(job, event)
}
