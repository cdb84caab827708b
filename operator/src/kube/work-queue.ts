/**
 * Keys waiting for a worker: each at most once, one worker a key, a backoff for each that fails. Namespaces
 * take turns, so that the many keys of one do not hold up the first of another.
 */
import { type BackoffOptions, backoffDelay } from './backoff.ts'
import { type Clock, systemClock } from './clock.ts'
import { createDelays } from './delays.ts'
import { parseKey } from './kube-object.ts'
import { createReadyLine } from './ready-line.ts'
import { createTally } from './tally.ts'

export type WorkQueueObserver = {
  /** Keys ready for a worker, after each change. */
  readonly depth?: (keys: number) => void
  /** How long a key was ready before a worker took it. */
  readonly waited?: (seconds: number) => void
  readonly retried?: (key: string) => void
  /** The queue was full. */
  readonly dropped?: (key: string) => void
}

export type WorkQueue = {
  /**
   * False where the queue is full or shut down; it is never full for the only key of a namespace. A key being worked on is taken again after
   * `done`.
   */
  add(key: string): boolean
  /** Adds later; the earliest of several calls counts. */
  addAfter(key: string, delayMs: number): boolean
  /** Adds after the key's backoff, which grows with each call until `forget`. */
  retry(key: string): boolean
  /** Ends the key's backoff. */
  forget(key: string): void
  failures(key: string): number
  /** The next key; `undefined` once the queue is shut down. Each must be given back by `done`. */
  take(): Promise<string | undefined>
  done(key: string): void
  /** Nothing more is handed out: who starts next lists everything anyway. */
  shutDown(): void
  /** Resolves when, after `shutDown`, every key was given back. */
  drained(): Promise<void>
  readonly depth: number
}

export type WorkQueueOptions = {
  readonly clock?: Clock
  readonly random?: () => number
  readonly observe?: WorkQueueObserver
  readonly backoff?: BackoffOptions
  /** Keys in all, ready and delayed; above it `add` says false, but for the only key of a namespace. */
  readonly maxKeys?: number
}

// controller-runtime's default rate limiter
const BACKOFF = { baseMs: 5, capMs: 1_000_000 }
const MAX_KEYS = 100_000

/** Failures in a row of each key, and the delay that they make. */
const createFailures = (backoff: BackoffOptions, random: () => number) => {
  const failures = new Map<string, number>()
  const count = (key: string) => failures.get(key) ?? 0
  return {
    count,
    delayMs: (key: string) => backoffDelay(backoff, count(key), random),
    add: (key: string) => void failures.set(key, count(key) + 1),
    forget: (key: string) => void failures.delete(key),
  }
}

/** Keys that a worker has; one that is added meanwhile is dirty and comes back once it is given back. */
const createWorking = () => {
  const working = new Set<string>()
  const dirty = new Set<string>()
  return {
    has: (key: string) => working.has(key),
    isDirty: (key: string) => dirty.has(key),
    get size() {
      return working.size
    },
    add: (key: string) => void working.add(key),
    markDirty: (key: string) => void dirty.add(key),
    /** True where the key is dirty. */
    remove: (key: string) => {
      working.delete(key)
      return dirty.delete(key)
    },
    clearDirty: () => dirty.clear(),
  }
}

type KeysOptions = Required<Pick<WorkQueueOptions, 'clock' | 'observe' | 'maxKeys'>>

/** Keys without one, of cluster-scoped objects, share a lane. */
const namespaceOf = (key: string) => parseKey(key).namespace ?? ''

/** Every key of the queue: ready, delayed or worked on. */
const createKeys = ({ clock, observe, maxKeys }: KeysOptions) => {
  const working = createWorking()
  /** by namespace: ready, delayed, or to come again once given back */
  const waiting = createTally()
  const ready = createReadyLine({
    clock,
    laneOf: namespaceOf,
    onDepth: keys => observe.depth?.(keys),
    onTaken: (key, seconds) => {
      waiting.remove(namespaceOf(key))
      working.add(key)
      observe.waited?.(seconds)
    },
  })
  const drained = Promise.withResolvers<void>()
  let stopped = false

  // one tenant's keys do not keep out another's
  const isFull = (key: string) => waiting.total >= maxKeys && waiting.of(namespaceOf(key)) > 0
  const enter = (key: string) => {
    waiting.add(namespaceOf(key))
    if (working.has(key)) working.markDirty(key)
    else ready.push(key)
  }
  const refuse = (key: string) => {
    if (!stopped) observe.dropped?.(key)
    return false
  }
  const isIn = (key: string) => ready.has(key) || working.isDirty(key)
  const add = (key: string) => {
    if (isIn(key)) return !stopped
    if (stopped || isFull(key)) return refuse(key)
    enter(key)
    return true
  }
  const delays = createDelays(clock, key => {
    waiting.remove(namespaceOf(key))
    if (!isIn(key)) enter(key)
  })
  const addAfter = (key: string, delayMs: number) => {
    if (delayMs <= 0) return add(key)
    if (stopped || (!delays.has(key) && isFull(key))) return refuse(key)
    if (!delays.has(key)) waiting.add(namespaceOf(key))
    delays.set(key, delayMs)
    return true
  }
  const resolveIfDrained = () => {
    if (stopped && working.size === 0) drained.resolve()
  }
  const done = (key: string) => {
    if (working.remove(key)) ready.push(key)
    resolveIfDrained()
  }
  const shutDown = () => {
    stopped = true
    delays.clear()
    working.clearDirty()
    ready.close()
    resolveIfDrained()
  }
  const take = () => (stopped ? Promise.resolve(undefined) : ready.take())
  return { ready, add, addAfter, take, done, shutDown, drained: drained.promise }
}

export const createWorkQueue = (options: WorkQueueOptions = {}): WorkQueue => {
  const { clock = systemClock, random = Math.random, observe = {} } = options
  const { backoff = BACKOFF, maxKeys = MAX_KEYS } = options
  const { ready, add, addAfter, take, done, ...keys } = createKeys({ clock, observe, maxKeys })
  const failures = createFailures(backoff, random)
  return {
    add,
    addAfter,
    retry: key => {
      if (!addAfter(key, failures.delayMs(key))) return false
      failures.add(key)
      observe.retried?.(key)
      return true
    },
    forget: failures.forget,
    failures: failures.count,
    take,
    done,
    shutDown: keys.shutDown,
    drained: () => keys.drained,
    get depth() {
      return ready.size
    },
  }
}
