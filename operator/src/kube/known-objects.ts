/** Which objects a reflector has told of; turns what it sees into deltas that tell the truth about UIDs. */
import { KubeError, RESPONSE_MALFORMED } from './kube-error.ts'
import { type KubeObject, type ObjectKey, objectKey } from './kube-object.ts'

export type Delta<T extends KubeObject> =
  /** New or changed. */
  | { readonly type: 'set'; readonly object: T }
  | { readonly type: 'deleted'; readonly key: ObjectKey; readonly uid: string }
  /** A list is complete; comes again after each further list. */
  | { readonly type: 'synced'; readonly resourceVersion: string }

type Known = { readonly uid: string; readonly resourceVersion: string }

export type KnownObjects<T extends KubeObject> = {
  saw(object: T): readonly Delta<T>[]
  sawDeleted(object: T): readonly Delta<T>[]
  /** Deletes of all that a complete list does not have. */
  retain(listed: ReadonlySet<ObjectKey>): readonly Delta<T>[]
}

const identify = ({ metadata }: KubeObject): Known => {
  const { uid, resourceVersion } = metadata
  if (uid !== undefined && resourceVersion !== undefined) return { uid, resourceVersion }
  const message = `${metadata.name} has no uid or resourceVersion`
  throw new KubeError({ status: 0, reason: RESPONSE_MALFORMED, message })
}

export const createKnownObjects = <T extends KubeObject>(): KnownObjects<T> => {
  const known = new Map<ObjectKey, Known>()
  const forget = (key: ObjectKey, uid: string): Delta<T>[] => {
    if (known.get(key)?.uid !== uid) return []
    known.delete(key)
    return [{ type: 'deleted', key, uid }]
  }
  return {
    saw: object => {
      const key = objectKey(object.metadata)
      const now = identify(object)
      const before = known.get(key)
      if (before?.uid === now.uid && before.resourceVersion === now.resourceVersion) return []
      // the same name with another uid is another object: the first one is gone
      const gone = before && before.uid !== now.uid ? forget(key, before.uid) : []
      known.set(key, now)
      return [...gone, { type: 'set', object }]
    },
    sawDeleted: object => forget(objectKey(object.metadata), identify(object).uid),
    retain: listed => {
      const missing = [...known].filter(([key]) => !listed.has(key))
      return missing.flatMap(([key, { uid }]) => forget(key, uid))
    },
  }
}
