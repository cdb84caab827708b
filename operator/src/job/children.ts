/** Makes and removes what belongs to an object of ours, and says why it cannot. */
import type { KubeClient, Manifest } from '../kube/kube-client.ts'
import {
  isAlreadyExists,
  isConflict,
  isForbidden,
  isInvalid,
  isNotFound,
} from '../kube/kube-error.ts'
import { apiVersionOf, type KubeObject, type ResourceKind } from '../kube/kube-object.ts'
import { ownedBy } from '../kube/predicates.ts'
import type { Note } from './job-conditions.ts'
import { Claims, ConfigMaps, NetworkPolicies, StageJobs } from './kinds.ts'
import { FIELD_MANAGER } from './names.ts'
import type { Child, ChildKind, Removal } from './situation.ts'

const RESOURCES: Readonly<Record<ChildKind, ResourceKind>> = {
  Job: StageJobs,
  ConfigMap: ConfigMaps,
  PersistentVolumeClaim: Claims,
  NetworkPolicy: NetworkPolicies,
}

/** Another object has the name of a child; only a person can say which of the two is to go. */
export class NameTaken extends Error {
  override readonly name = 'NameTaken'
}

/**
 * Created and not applied: what Kubernetes and Kueue change on a child later is theirs, and an apply would
 * take over an object of the same name that is not ours.
 */
export const createOwned = async (
  client: Pick<KubeClient, 'create' | 'find'>,
  owner: KubeObject,
  resource: ResourceKind,
  manifest: Manifest,
): Promise<void> => {
  const { kind } = resource
  try {
    await client.create(resource, manifest, { fieldManager: FIELD_MANAGER })
  } catch (error) {
    if (!isAlreadyExists(error)) throw error
    const there = await client.find(resource, manifest.metadata)
    // our cache was behind: it is the one we meant
    if (there && ownedBy(owner, there) && !there.metadata.deletionTimestamp) return
    const message = there && ownedBy(owner, there) ? 'is still being deleted' : 'belongs to another'
    throw new NameTaken(`${kind} ${manifest.metadata.name} ${message}`, { cause: error })
  }
}

export const removeChild = async (
  client: Pick<KubeClient, 'delete'>,
  { kind, ref, uid }: Removal,
): Promise<void> => {
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

/** In place: a policy that goes, if only for a moment, leaves open what it closed. */
const putRight = async (
  client: Pick<KubeClient, 'patch'>,
  resource: ResourceKind,
  { metadata, spec }: Manifest,
  resourceVersion: string,
): Promise<void> => {
  const { name, namespace } = metadata
  await client.patch(
    resource,
    { name, ...(namespace ? { namespace } : {}) },
    [
      { op: 'replace', path: '/metadata/resourceVersion', value: resourceVersion },
      // the whole of it: an apply or a merge would leave in what somebody has put there
      { op: 'add', path: '/spec', value: spec },
    ],
    { fieldManager: FIELD_MANAGER },
  )
}

export const applyChild = (
  client: Pick<KubeClient, 'create' | 'find' | 'patch'>,
  owner: KubeObject,
  { kind, manifest, replaces }: Child,
): Promise<void> =>
  replaces === undefined
    ? createOwned(client, owner, RESOURCES[kind], manifest)
    : putRight(client, RESOURCES[kind], manifest, replaces)

/** The whole status, as it follows from the version of the object that was looked at. */
export const writeStatus = async (
  client: Pick<KubeClient, 'applyStatus'>,
  kind: ResourceKind,
  { metadata }: KubeObject,
  status: object,
): Promise<void> => {
  const { name, namespace, resourceVersion } = metadata
  const manifest = {
    apiVersion: apiVersionOf(kind),
    kind: kind.kind,
    // a decision from an old cache must not undo a newer one
    metadata: { name, ...(namespace ? { namespace } : {}), resourceVersion },
    status,
  }
  await client.applyStatus(kind, manifest, { fieldManager: FIELD_MANAGER, force: true })
}

/** Undefined where the same request may succeed in a moment, so that it is not worth telling. */
export const refusal = (error: Error): Note | undefined => {
  if (isInvalid(error)) return { reason: 'InvalidSpec', message: error.message, stalled: true }
  if (error instanceof NameTaken || isForbidden(error))
    return { reason: 'Waiting', message: error.message }
  return undefined
}
