/** Which changes of an object matter; a predicate sees the object before and after. */
import { controllerOf, type KubeObject, type ObjectKey, objectKey } from './kube-object.ts'

/** `before` is absent for a new object, `after` for a deleted one. */
export type Change<T extends KubeObject = KubeObject> = {
  readonly before?: T
  readonly after?: T
}
export type Predicate<T extends KubeObject = KubeObject> = (change: Change<T>) => boolean

const bothExist = <T extends KubeObject>({ before, after }: Change<T>) =>
  before !== undefined && after !== undefined && before.metadata.uid === after.metadata.uid

/** Spec changed, or the object came or went: our own status writes do not count. */
export const generationChanged: Predicate = change =>
  !bothExist(change) ||
  change.before?.metadata.generation !== change.after?.metadata.generation ||
  change.before?.metadata.deletionTimestamp !== change.after?.metadata.deletionTimestamp

export const annotationChanged =
  (name: string): Predicate =>
  change =>
    !bothExist(change) ||
    change.before?.metadata.annotations?.[name] !== change.after?.metadata.annotations?.[name]

export const anyOf =
  <T extends KubeObject>(...predicates: readonly Predicate<T>[]): Predicate<T> =>
  change =>
    predicates.some(predicate => predicate(change))

export const allOf =
  <T extends KubeObject>(...predicates: readonly Predicate<T>[]): Predicate<T> =>
  change =>
    predicates.every(predicate => predicate(change))

/** The key of the controlling owner of that kind, for `keysOf` of an informer's subscription. */
export const controllerKeys =
  (owner: { readonly group: string; readonly kind: string }) =>
  (object: KubeObject): readonly ObjectKey[] => {
    const reference = controllerOf(object)
    if (reference?.kind !== owner.kind) return []
    const slash = reference.apiVersion.indexOf('/')
    const group = slash < 0 ? '' : reference.apiVersion.slice(0, slash)
    if (group !== owner.group) return []
    const { namespace } = object.metadata
    return [objectKey({ name: reference.name, ...(namespace ? { namespace } : {}) })]
  }

export const ownedBy = (owner: KubeObject, object: KubeObject): boolean =>
  object.metadata.ownerReferences?.some(({ uid }) => uid === owner.metadata.uid) === true

/** A uid that an object names is only text: another tenant can write it too. */
export const within = <T extends KubeObject>(
  namespace: string | undefined,
  objects: readonly T[],
): readonly T[] => objects.filter(({ metadata }) => metadata.namespace === namespace)
