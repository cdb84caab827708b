/** Mirrors a collection: list in pages, then watch, through everything that ends a watch. */
import { type BackoffOptions, backoffDelay } from './backoff.ts'
import { type Clock, sleep } from './clock.ts'
import { createKnownObjects, type Delta, type KnownObjects } from './known-objects.ts'
import type { KubeClient } from './kube-client.ts'
import {
  isConnectionFailure,
  isGone,
  isResourceVersionTooLarge,
  KubeError,
  RESPONSE_TOO_LARGE,
} from './kube-error.ts'
import { type KubeObject, type ObjectKey, objectKey, type ResourceKind } from './kube-object.ts'
import type { Log } from './log.ts'
import { type WatchEnd, type WatchState, watchOnce } from './watch-once.ts'

export type ReflectorObserver = {
  readonly listed?: (items: number, seconds: number) => void
  /** A watch ended, and how. */
  readonly restarted?: (reason: WatchEnd['reason']) => void
  /** An event or bookmark came, at this wall time. */
  readonly received?: (type: string, atMs: number) => void
}

export type ReflectorOptions<T extends KubeObject> = {
  readonly client: Pick<KubeClient, 'listPages' | 'watch'>
  readonly kind: ResourceKind<T>
  readonly namespace?: string
  readonly labelSelector?: string
  readonly fieldSelector?: string
  readonly pageSize?: number
  readonly signal: AbortSignal
  readonly clock: Clock
  readonly random: () => number
  readonly log: Log
  readonly observe?: ReflectorObserver
  /** How long the server keeps a watch open, drawn anew each time so that watches spread. */
  readonly watchSeconds?: { readonly min: number; readonly max: number }
  readonly backoff?: BackoffOptions
}

// client-go's reflector: 800 ms to 30 s
const BACKOFF = { baseMs: 800, capMs: 30_000 }
/** So many watches that fail by more than the connection, and only a list can help. */
const MAX_BROKEN_WATCHES = 3
const PAGE_SIZE = 500

/** The failures since the last sign of life, over lists and watches together. */
const createPause = <T extends KubeObject>({
  clock,
  random,
  signal,
  backoff = BACKOFF,
}: ReflectorOptions<T>) => {
  let failures = 0
  return {
    reset: () => {
      failures = 0
    },
    wait: async (error: unknown) => {
      const asked = error instanceof KubeError ? (error.details.retryAfterSeconds ?? 0) * 1000 : 0
      const delayMs = Math.max(
        backoffDelay(backoff, failures, random),
        Math.min(asked, backoff.capMs),
      )
      failures += 1
      // an abort ends the sleep; the loops look at the signal themselves
      await sleep(clock, delayMs, signal).catch(() => {})
    },
  }
}
type Pause = ReturnType<typeof createPause>

const listVersion = (resourceVersion: string) =>
  resourceVersion === '' || resourceVersion === '0'
    ? { resourceVersion }
    : { resourceVersion, resourceVersionMatch: 'NotOlderThan' as const }

async function* listOnce<T extends KubeObject>(
  options: ReflectorOptions<T>,
  known: KnownObjects<T>,
  from: string,
): AsyncGenerator<Delta<T>, string> {
  const { client, kind, namespace, labelSelector, fieldSelector, signal, clock } = options
  const started = clock.monotonic()
  const listed = new Set<ObjectKey>()
  let resourceVersion = ''
  const pages = client.listPages(kind, {
    namespace,
    labelSelector,
    fieldSelector,
    signal,
    limit: options.pageSize ?? PAGE_SIZE,
    ...listVersion(from),
  })
  for await (const page of pages) {
    resourceVersion = page.resourceVersion
    for (const object of page.items) {
      listed.add(objectKey(object.metadata))
      yield* known.saw(object)
    }
  }
  yield* known.retain(listed)
  options.observe?.listed?.(listed.size, (clock.monotonic() - started) / 1000)
  yield { type: 'synced', resourceVersion }
  return resourceVersion
}

/** Lists until it works. A list never goes back behind `from`, unless the server no longer has it. */
async function* list<T extends KubeObject>(
  options: ReflectorOptions<T>,
  known: KnownObjects<T>,
  pause: Pause,
  from: string,
): AsyncGenerator<Delta<T>, string> {
  let version = from
  while (!options.signal.aborted) {
    try {
      return yield* listOnce(options, known, version)
    } catch (error) {
      if (options.signal.aborted) break
      options.log.warn({ resource: options.kind.plural, err: error }, 'list failed')
      const unpaged = error instanceof KubeError && error.reason === RESPONSE_TOO_LARGE
      // the cache of the server may answer in one piece; what etcd has now is always paged
      if (isGone(error) || isResourceVersionTooLarge(error) || unpaged) version = ''
      await pause.wait(error)
    }
  }
  return version
}

/** Watches on and on from the last version seen; ends where only a list can help. */
async function* watchOn<T extends KubeObject>(
  options: ReflectorOptions<T>,
  known: KnownObjects<T>,
  pause: Pause,
  from: string,
): AsyncGenerator<Delta<T>, string> {
  const { signal, log, kind, observe } = options
  const state: WatchState = { resourceVersion: from, onLife: pause.reset }
  let broken = 0
  while (!signal.aborted) {
    const end: WatchEnd = yield* watchOnce(options, known, state)
    if (signal.aborted) break
    observe?.restarted?.(end.reason)
    if (end.events > 0) broken = 0
    if (end.reason === 'closed') continue
    log.warn({ resource: kind.plural, reason: end.reason, err: end.error }, 'watch ended')
    await pause.wait(end.error)
    if (isGone(end.error)) break
    const busy = end.error instanceof KubeError && end.error.status === 429
    const unreachable = end.reason === 'stalled' || isConnectionFailure(end.error)
    if (!busy && !unreachable) broken += 1
    if (broken >= MAX_BROKEN_WATCHES) break
  }
  return state.resourceVersion
}

/**
 * Deltas of the collection until the signal is aborted: sets page by page, deletes of what a list no longer
 * has, `synced`, then what the watch tells. Failures are logged and lived through, never thrown.
 */
export async function* reflect<T extends KubeObject>(
  options: ReflectorOptions<T>,
): AsyncGenerator<Delta<T>, void> {
  const known = createKnownObjects<T>()
  const pause = createPause(options)
  let version = '0'
  while (!options.signal.aborted) {
    version = yield* list(options, known, pause, version)
    version = yield* watchOn(options, known, pause, version)
  }
}
