/** A cache of one kind, kept by a reflector, that tells subscribers only which keys to look at. */
import type { KubeObject, ObjectKey } from './kube-object.ts'
import type { Predicate } from './predicates.ts'
import type { StoreReader } from './store.ts'

export type Subscription<T extends KubeObject> = {
  /** Which changes matter; all by default. */
  readonly when?: Predicate<T>
  /** Whose keys to hand on, of the object before and after; its own by default. */
  readonly keysOf?: (object: T) => readonly ObjectKey[]
  /** Takes the key, usually into a work queue; what it throws is logged and goes no further. */
  readonly handle: (key: ObjectKey) => void
}

export type Informer<T extends KubeObject> = StoreReader<T> & {
  subscribe(subscription: Subscription<T>): () => void
  hasSynced(): boolean
  /** Resolves once the first list is in the store. */
  whenSynced(signal?: AbortSignal): Promise<void>
  /** Mirrors until the signal is aborted; call it once. */
  run(signal: AbortSignal): Promise<void>
}
