/** The few Kubernetes types that every part needs: objects, their metadata, and what names a resource. */

export type OwnerReference = {
  readonly apiVersion: string
  readonly kind: string
  readonly name: string
  readonly uid: string
  readonly controller?: boolean
  readonly blockOwnerDeletion?: boolean
}

export type ObjectMeta = {
  readonly name: string
  readonly namespace?: string
  readonly uid?: string
  readonly resourceVersion?: string
  readonly generation?: number
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  readonly ownerReferences?: readonly OwnerReference[]
  readonly finalizers?: readonly string[]
  readonly creationTimestamp?: string
  readonly deletionTimestamp?: string
}

/** Kinds without spec or status (ConfigMap, Event) extend it: `KubeObject & { readonly data?: … }`. */
export type KubeObject<Spec = unknown, Status = unknown> = {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: ObjectMeta
  readonly spec?: Spec
  readonly status?: Status
}

declare const objectOfKind: unique symbol

/** What the URL of a resource is made of; `T` is the type of its objects and exists for the compiler only. */
export type ResourceKind<T extends KubeObject = KubeObject> = {
  /** Empty for the core group. */
  readonly group: string
  readonly version: string
  readonly plural: string
  readonly kind: string
  readonly namespaced: boolean
  readonly [objectOfKind]?: T
}

export const defineKind = <T extends KubeObject = KubeObject>(
  kind: Omit<ResourceKind<T>, typeof objectOfKind>,
): ResourceKind<T> => Object.freeze({ ...kind })

export const apiVersionOf = ({ group, version }: Pick<ResourceKind, 'group' | 'version'>) =>
  group === '' ? version : `${group}/${version}`

/** Names one object: `namespace/name`, or `name` for a cluster-scoped one. */
export type ObjectKey = string

export type ObjectRef = { readonly name: string; readonly namespace?: string }

export const objectKey = ({ name, namespace }: ObjectRef): ObjectKey =>
  namespace ? `${namespace}/${name}` : name

export const parseKey = (key: ObjectKey): ObjectRef => {
  const slash = key.indexOf('/')
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) }
}

/** The reference that makes Kubernetes delete the child with its owner. */
export const controllerReference = (owner: KubeObject): OwnerReference => {
  const { name, uid } = owner.metadata
  if (uid === undefined) throw new TypeError(`${owner.kind} ${name} has no uid: read it first`)
  const { apiVersion, kind } = owner
  return { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true }
}

export const controllerOf = (object: KubeObject): OwnerReference | undefined =>
  object.metadata.ownerReferences?.find(owner => owner.controller === true)

/** What tells who an object is and whose: of a kind with many objects of others, a cache keeps no more of it. */
export const slimMetadata = (metadata: ObjectMeta): ObjectMeta => {
  const { name, namespace, uid, resourceVersion, creationTimestamp, deletionTimestamp } = metadata
  return {
    name,
    ...(namespace ? { namespace } : {}),
    ...(uid ? { uid } : {}),
    ...(resourceVersion ? { resourceVersion } : {}),
    ...(creationTimestamp ? { creationTimestamp } : {}),
    ...(deletionTimestamp ? { deletionTimestamp } : {}),
    ...(metadata.ownerReferences ? { ownerReferences: metadata.ownerReferences } : {}),
  }
}
