/** One watch of a reflector, from its opening to its end, whatever that is. */
import { startDeadline } from './deadline.ts'
import type { Delta, KnownObjects } from './known-objects.ts'
import type { WatchEvent } from './kube-client.ts'
import { isGone, KubeError, RESPONSE_MALFORMED } from './kube-error.ts'
import type { KubeObject } from './kube-object.ts'
import type { ReflectorOptions } from './reflector.ts'

export type WatchState = {
  /** Where the next watch starts. */
  resourceVersion: string
  /** Called with each sign that the server works for us. */
  readonly onLife: () => void
}

export type WatchEnd = {
  readonly reason: 'closed' | 'short' | 'stalled' | 'gone' | 'failed'
  readonly events: number
  readonly error?: unknown
}

// the server ends a watch itself; one that is still open this much later hangs on a dead connection
const STALL_GRACE_SECONDS = 5
/** client-go's "very short watch": reconnecting at once would be a busy loop. */
const SHORT_SECONDS = 1
const WATCH_SECONDS = { min: 300, max: 600 }

const deltasOf = <T extends KubeObject>(
  known: KnownObjects<T>,
  { type, object }: WatchEvent<T>,
): readonly Delta<T>[] => {
  if (type === 'BOOKMARK') return []
  return type === 'DELETED' ? known.sawDeleted(object) : known.saw(object)
}

const versionOf = ({ type, object }: WatchEvent<KubeObject>) => {
  const version = object.metadata?.resourceVersion
  if (version !== undefined) return version
  const message = `a ${type} event has no resourceVersion`
  throw new KubeError({ status: 0, reason: RESPONSE_MALFORMED, message })
}

export async function* watchOnce<T extends KubeObject>(
  options: ReflectorOptions<T>,
  known: KnownObjects<T>,
  state: WatchState,
): AsyncGenerator<Delta<T>, WatchEnd> {
  const { client, kind, clock, random, observe, watchSeconds = WATCH_SECONDS } = options
  const { namespace, labelSelector, fieldSelector } = options
  const { min, max } = watchSeconds
  const timeoutSeconds = Math.round(min + random() * (max - min))
  const started = clock.monotonic()
  const hangs = `the watch is still open ${STALL_GRACE_SECONDS} s after its ${timeoutSeconds} s`
  const hardEnd = (timeoutSeconds + STALL_GRACE_SECONDS) * 1000
  const deadline = startDeadline(clock, hardEnd, options.signal, hangs)
  let events = 0
  try {
    const stream = client.watch(kind, {
      namespace,
      labelSelector,
      fieldSelector,
      resourceVersion: state.resourceVersion,
      timeoutSeconds,
      allowBookmarks: true,
      signal: deadline.signal,
    })
    for await (const event of stream) {
      events += 1
      state.onLife()
      observe?.received?.(event.type, clock.now())
      const resourceVersion = versionOf(event)
      yield* deltasOf(known, event)
      state.resourceVersion = resourceVersion
    }
  } catch (error) {
    return {
      reason: deadline.isOver() ? 'stalled' : isGone(error) ? 'gone' : 'failed',
      events,
      error,
    }
  } finally {
    deadline.release()
  }
  const seconds = (clock.monotonic() - started) / 1000
  if (seconds < SHORT_SECONDS && events === 0) return { reason: 'short', events }
  state.onLife()
  return { reason: 'closed', events }
}
