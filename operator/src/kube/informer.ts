/** A cache of one kind, kept by a reflector, that tells subscribers only which keys to look at. */
import { type Clock, systemClock } from './clock.ts'
import { createGate } from './gate.ts'
import type { Delta } from './known-objects.ts'
import { type KubeObject, type ObjectKey, objectKey } from './kube-object.ts'
import type { Change, Predicate } from './predicates.ts'
import { type ReflectorOptions, reflect } from './reflector.ts'
import { createStore, type IndexFunction, type Store, type StoreReader } from './store.ts'

export type Subscription<T extends KubeObject> = {
  /** Which changes matter; all by default. */
  readonly when?: Predicate<T>
  /** Whose keys to hand on, of the object before and after; its own by default. */
  readonly keysOf?: (object: T) => readonly ObjectKey[]
  /** Takes the key, usually into a work queue; what it throws is logged and goes no further. */
  readonly handle: (key: ObjectKey) => void
}

export type Informer<T extends KubeObject> = StoreReader<T> & {
  /** Tells of what is in the store already, too. */
  subscribe(subscription: Subscription<T>): () => void
  hasSynced(): boolean
  /** Resolves once the first list is in the store. */
  whenSynced(signal?: AbortSignal): Promise<void>
  /** Mirrors until the signal is aborted; again only after `clear`. */
  run(signal: AbortSignal): Promise<void>
  /** Forgets every object, and tells of each as of one deleted. */
  clear(): void
}

export type InformerOptions<T extends KubeObject> = Omit<
  ReflectorOptions<T>,
  'signal' | 'clock' | 'random'
> & {
  readonly clock?: Clock
  readonly random?: () => number
  readonly indexes?: Readonly<Record<string, IndexFunction<T>>>
  /** What to keep of an object; by default all but `managedFields`, which are half of it and read by nobody. */
  readonly transform?: (object: T) => T
}

export const withoutManagedFields = <T extends KubeObject>(object: T): T => {
  const { managedFields: _, ...metadata } = object.metadata as T['metadata'] & {
    managedFields?: unknown
  }
  return { ...object, metadata }
}

const createSubscribers = <T extends KubeObject>({ log, kind }: InformerOptions<T>) => {
  const subscriptions = new Set<Subscription<T>>()
  const ownKey = (object: T) => [objectKey(object.metadata)]
  const tellOne = ({ when, keysOf = ownKey, handle }: Subscription<T>, change: Change<T>) => {
    try {
      if (when && !when(change)) return
      const { before, after } = change
      const keys = [...(before ? keysOf(before) : []), ...(after ? keysOf(after) : [])]
      for (const key of new Set(keys)) handle(key)
    } catch (error) {
      log.error({ resource: kind.plural, err: error }, 'a subscriber of the cache threw')
    }
  }
  return {
    add: (subscription: Subscription<T>, present: readonly T[]) => {
      subscriptions.add(subscription)
      for (const after of present) tellOne(subscription, { after })
      return () => {
        subscriptions.delete(subscription)
      }
    },
    tell: (change: Change<T>) => {
      for (const subscription of subscriptions) tellOne(subscription, change)
    },
  }
}

const applyDelta = <T extends KubeObject>(
  store: Store<T>,
  delta: Exclude<Delta<T>, { type: 'synced' }>,
  transform: (object: T) => T,
): Change<T> => {
  if (delta.type === 'deleted') {
    const before = store.delete(delta.key)
    return before === undefined ? {} : { before }
  }
  const after = transform(delta.object)
  const before = store.set(after)
  return before === undefined ? { after } : { before, after }
}

export const createInformer = <T extends KubeObject>(options: InformerOptions<T>): Informer<T> => {
  const { clock = systemClock, random = Math.random, transform = withoutManagedFields } = options
  const store = createStore<T>(options.indexes)
  const subscribers = createSubscribers(options)
  const synced = createGate()
  const run = async (signal: AbortSignal) => {
    for await (const delta of reflect({ ...options, clock, random, signal })) {
      if (delta.type === 'synced') synced.open()
      else subscribers.tell(applyDelta(store, delta, transform))
    }
  }
  return {
    get: store.get,
    list: store.list,
    ownedBy: store.ownedBy,
    byIndex: store.byIndex,
    get size() {
      return store.size
    },
    subscribe: subscription => subscribers.add(subscription, store.list()),
    hasSynced: synced.isOpen,
    whenSynced: synced.wait,
    run,
    clear: () => {
      for (const before of store.list()) {
        store.delete(objectKey(before.metadata))
        subscribers.tell({ before })
      }
    },
  }
}
