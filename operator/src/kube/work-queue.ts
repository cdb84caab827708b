/** Keys waiting for a worker: each at most once, one worker a key, a backoff for each that fails. */
import { type BackoffOptions, backoffDelay } from './backoff.ts'
import { type Clock, systemClock } from './clock.ts'

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
  /** False where the queue is full or shut down. A key being worked on is taken again after `done`. */
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
  /** Keys in all, ready and delayed; above it `add` says false. */
  readonly maxKeys?: number
}

// controller-runtime's default rate limiter
const BACKOFF = { baseMs: 5, capMs: 1_000_000 }
const MAX_KEYS = 100_000

/** Keys that become ready later, each with one timer. */
const createDelays = (clock: Clock, onDue: (key: string) => void) => {
  const delays = new Map<string, { readonly dueMs: number; readonly cancel: () => void }>()
  return {
    has: (key: string) => delays.has(key),
    get size() {
      return delays.size
    },
    set: (key: string, delayMs: number) => {
      const dueMs = clock.monotonic() + delayMs
      const earlier = delays.get(key)
      if (earlier && earlier.dueMs <= dueMs) return
      earlier?.cancel()
      const cancel = clock.after(delayMs, () => {
        delays.delete(key)
        onDue(key)
      })
      delays.set(key, { dueMs, cancel })
    },
    clear: () => {
      for (const { cancel } of delays.values()) cancel()
      delays.clear()
    },
  }
}

export const createWorkQueue = (options: WorkQueueOptions = {}): WorkQueue => {
  const { clock = systemClock, random = Math.random, observe = {} } = options
  const { backoff = BACKOFF, maxKeys = MAX_KEYS } = options
  /** Key and the moment it became ready, oldest first. */
  const ready = new Map<string, number>()
  const working = new Set<string>()
  /** Added while a worker has them. */
  const dirty = new Set<string>()
  const failures = new Map<string, number>()
  const takers: ((key: string | undefined) => void)[] = []
  const emptied = Promise.withResolvers<void>()
  let stopped = false

  const hand = (key: string, readyAt: number) => {
    working.add(key)
    observe.waited?.((clock.monotonic() - readyAt) / 1000)
    return key
  }
  const makeReady = (key: string) => {
    const now = clock.monotonic()
    const taker = takers.shift()
    if (taker) taker(hand(key, now))
    else ready.set(key, now)
    observe.depth?.(ready.size)
  }
  const isFull = () => ready.size + dirty.size + delays.size >= maxKeys
  const refuse = (key: string) => {
    if (!stopped) observe.dropped?.(key)
    return false
  }
  const add = (key: string) => {
    if (ready.has(key) || dirty.has(key)) return !stopped
    if (stopped || isFull()) return refuse(key)
    if (working.has(key)) dirty.add(key)
    else makeReady(key)
    return true
  }
  const delays = createDelays(clock, add)
  const addAfter = (key: string, delayMs: number) => {
    if (delayMs <= 0) return add(key)
    if (stopped || (!delays.has(key) && isFull())) return refuse(key)
    delays.set(key, delayMs)
    return true
  }
  const resolveIfDrained = () => {
    if (stopped && working.size === 0) emptied.resolve()
  }

  return {
    add,
    addAfter,
    retry: key => {
      const count = failures.get(key) ?? 0
      const added = addAfter(key, backoffDelay(backoff, count, random))
      if (!added) return false
      failures.set(key, count + 1)
      observe.retried?.(key)
      return true
    },
    forget: key => {
      failures.delete(key)
    },
    failures: key => failures.get(key) ?? 0,
    take: () => {
      if (stopped) return Promise.resolve(undefined)
      for (const [key, readyAt] of ready) {
        ready.delete(key)
        observe.depth?.(ready.size)
        return Promise.resolve(hand(key, readyAt))
      }
      return new Promise(resolve => takers.push(resolve))
    },
    done: key => {
      working.delete(key)
      if (dirty.delete(key)) makeReady(key)
      resolveIfDrained()
    },
    shutDown: () => {
      stopped = true
      delays.clear()
      ready.clear()
      dirty.clear()
      observe.depth?.(0)
      for (const taker of takers.splice(0)) taker(undefined)
      resolveIfDrained()
    },
    drained: () => emptied.promise,
    get depth() {
      return ready.size
    },
  }
}
