/** Objects by key, with indexes that stay in step. */
import { type KubeObject, type ObjectKey, objectKey } from './kube-object.ts'

/** The values under which an object is found. */
export type IndexFunction<T extends KubeObject> = (object: T) => readonly string[]

export const OWNER_UID_INDEX = 'ownerUid'
export const NAMESPACE_INDEX = 'namespace'

/** What readers see; objects are shared, so nobody may change them. */
export type StoreReader<T extends KubeObject> = {
  get(key: ObjectKey): T | undefined
  list(namespace?: string): readonly T[]
  ownedBy(ownerUid: string): readonly T[]
  byIndex(index: string, value: string): readonly T[]
  readonly size: number
}

export type Store<T extends KubeObject> = StoreReader<T> & {
  set(object: T): T | undefined
  delete(key: ObjectKey): T | undefined
}

const builtIn = {
  [OWNER_UID_INDEX]: (object: KubeObject) =>
    object.metadata.ownerReferences?.map(({ uid }) => uid) ?? [],
  [NAMESPACE_INDEX]: (object: KubeObject) => [object.metadata.namespace ?? ''],
}

class Index<T extends KubeObject> {
  readonly #valuesOf: IndexFunction<T>
  readonly #keys = new Map<string, Set<ObjectKey>>()

  constructor(valuesOf: IndexFunction<T>) {
    this.#valuesOf = valuesOf
  }

  add(key: ObjectKey, object: T) {
    for (const value of this.#valuesOf(object)) {
      const keys = this.#keys.get(value)
      if (keys) keys.add(key)
      else this.#keys.set(value, new Set([key]))
    }
  }

  remove(key: ObjectKey, object: T) {
    for (const value of this.#valuesOf(object)) {
      const keys = this.#keys.get(value)
      keys?.delete(key)
      if (keys?.size === 0) this.#keys.delete(value)
    }
  }

  keys(value: string): Iterable<ObjectKey> {
    return this.#keys.get(value) ?? []
  }
}

export const createStore = <T extends KubeObject>(
  indexFunctions: Readonly<Record<string, IndexFunction<T>>> = {},
): Store<T> => {
  const objects = new Map<ObjectKey, T>()
  const indexes = new Map(
    Object.entries({ ...builtIn, ...indexFunctions }).map(([name, valuesOf]) => [
      name,
      new Index<T>(valuesOf),
    ]),
  )
  const remove = (key: ObjectKey) => {
    const old = objects.get(key)
    if (old === undefined) return undefined
    objects.delete(key)
    for (const index of indexes.values()) index.remove(key, old)
    return old
  }
  const byIndex = (name: string, value: string) => {
    const index = indexes.get(name)
    if (!index) throw new TypeError(`no index ${name}; there are ${[...indexes.keys()].join(', ')}`)
    return [...index.keys(value)].map(key => objects.get(key) as T)
  }
  return {
    get: key => objects.get(key),
    list: namespace =>
      namespace === undefined ? [...objects.values()] : byIndex(NAMESPACE_INDEX, namespace),
    ownedBy: uid => byIndex(OWNER_UID_INDEX, uid),
    byIndex,
    get size() {
      return objects.size
    },
    set: object => {
      const key = objectKey(object.metadata)
      const old = remove(key)
      objects.set(key, object)
      for (const index of indexes.values()) index.add(key, object)
      return old
    },
    delete: remove,
  }
}
