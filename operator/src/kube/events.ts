/**
 * Records core/v1 Events: the same one again within ten minutes raises the count of the first. Namespaces take
 * turns, and the many events of one do not crowd out the first of another.
 */
import { randomUUID } from 'node:crypto'
import { type Clock, systemClock } from './clock.ts'
import { rfc3339Seconds, trimMessage } from './conditions.ts'
import type { KubeClient, Manifest } from './kube-client.ts'
import { isNotFound } from './kube-error.ts'
import { apiVersionOf, defineKind, type KubeObject } from './kube-object.ts'
import { createLanes } from './lanes.ts'
import type { Log } from './log.ts'

export type KubeEvent = KubeObject & {
  readonly involvedObject: { readonly kind?: string; readonly name?: string; readonly uid?: string }
  readonly type?: string
  readonly reason?: string
  readonly message?: string
  readonly count?: number
  readonly firstTimestamp?: string
  readonly lastTimestamp?: string
}

export const EVENT = defineKind<KubeEvent>({
  group: '',
  version: 'v1',
  plural: 'events',
  kind: 'Event',
  namespaced: true,
})

export type EventNote = {
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly message: string
}

export type EventRecorder = {
  /**
   * Sends in the background; never throws. An event that finds the queue full is dropped and counted, unless it
   * is the only one of its namespace.
   */
  record(about: KubeObject, note: EventNote): void
  /** Resolves when all that was recorded is sent or given up. */
  flush(): Promise<void>
}

export type EventRecorderOptions = {
  readonly client: Pick<KubeClient, 'create' | 'patch'>
  /** Who reports, such as the name of the operator. */
  readonly component: string
  /** Which of its replicas. */
  readonly instance: string
  readonly log: Log
  readonly signal?: AbortSignal
  readonly clock?: Clock
  readonly onDropped?: () => void
  readonly newId?: () => string
  readonly maxPending?: number
  readonly maxRemembered?: number
}

const WINDOW_MS = 10 * 60 * 1000
const MAX_PENDING = 1_000
const MAX_REMEMBERED = 4_096
const MAX_NAME_LENGTH = 253
/** Events of a cluster-scoped object live there. */
const DEFAULT_NAMESPACE = 'default'

type Pending = { readonly about: KubeObject; readonly note: EventNote; times: number }
type Sent = { readonly namespace: string; readonly name: string; sinceMs: number; count: number }

/** Starts with the namespace and a slash, which no namespace holds. */
const identityOf = ({ metadata }: KubeObject, { type, reason, message }: EventNote) =>
  `${metadata.namespace ?? ''}/${JSON.stringify([metadata.uid ?? metadata.name, type, reason, message])}`
const namespaceOf = (identity: string) => identity.slice(0, identity.indexOf('/'))

/** What was sent of late, the oldest forgotten first. */
const createMemory = (clock: Clock, maxRemembered: number) => {
  const sent = new Map<string, Sent>()
  return {
    recall: (identity: string) => {
      const found = sent.get(identity)
      if (found && clock.monotonic() - found.sinceMs < WINDOW_MS) return found
      sent.delete(identity)
      return undefined
    },
    remember: (identity: string, what: Sent) => {
      sent.delete(identity)
      sent.set(identity, what)
      for (const oldest of sent.keys()) {
        if (sent.size <= maxRemembered) break
        sent.delete(oldest)
      }
    },
  }
}

const eventManifest = (
  { about, note, times }: Pending,
  { component, instance, newId = randomUUID }: EventRecorderOptions,
  nowMs: number,
): Manifest => {
  const { apiVersion, kind, metadata } = about
  const { namespace, name, uid, resourceVersion } = metadata
  const suffix = `.${newId()}`
  const now = rfc3339Seconds(nowMs)
  return {
    apiVersion: apiVersionOf(EVENT),
    kind: EVENT.kind,
    metadata: {
      namespace: namespace ?? DEFAULT_NAMESPACE,
      name: name.slice(0, MAX_NAME_LENGTH - suffix.length) + suffix,
    },
    involvedObject: { apiVersion, kind, namespace, name, uid, resourceVersion },
    ...note,
    count: times,
    firstTimestamp: now,
    lastTimestamp: now,
    source: { component },
    reportingComponent: component,
    reportingInstance: instance,
  }
}

const createSender = (options: EventRecorderOptions) => {
  const { client, signal, clock = systemClock, maxRemembered = MAX_REMEMBERED } = options
  const memory = createMemory(clock, maxRemembered)

  const raiseCount = async (sent: Sent, times: number): Promise<boolean> => {
    const { namespace, name } = sent
    const count = sent.count + times
    const body = { count, lastTimestamp: rfc3339Seconds(clock.now()) }
    try {
      await client.patch(EVENT, { namespace, name }, body, { signal })
      sent.count = count
      return true
    } catch (error) {
      if (!isNotFound(error)) throw error
      return false
    }
  }

  return async (identity: string, pending: Pending) => {
    const sent = memory.recall(identity)
    if (sent && (await raiseCount(sent, pending.times))) return
    const manifest = eventManifest(pending, options, clock.now())
    const { metadata } = await client.create(EVENT, manifest, { signal })
    const { name, namespace = DEFAULT_NAMESPACE } = metadata
    memory.remember(identity, { name, namespace, sinceMs: clock.monotonic(), count: pending.times })
  }
}

export const createEventRecorder = (options: EventRecorderOptions): EventRecorder => {
  const { log, onDropped, signal, maxPending = MAX_PENDING } = options
  const pending = createLanes<Pending>(namespaceOf)
  const send = createSender(options)
  let sending: Promise<void> | undefined

  const sendAll = async () => {
    for (let next = pending.shift(); next; next = pending.shift()) {
      const [identity, event] = next
      try {
        await send(identity, event)
      } catch (error) {
        // an event is a courtesy: losing one must not hold up the rest
        if (!signal?.aborted) log.warn({ err: error, ...event.note }, 'event was not recorded')
      }
    }
    sending = undefined
  }

  const record = (about: KubeObject, note: EventNote) => {
    const trimmed = { ...note, message: trimMessage(note.message) }
    const identity = identityOf(about, trimmed)
    const waiting = pending.get(identity)
    if (waiting) waiting.times += 1
    else if (pending.size >= maxPending && pending.laneSize(identity) > 0) onDropped?.()
    else pending.push(identity, { about, note: trimmed, times: 1 })
    sending ??= Promise.resolve().then(sendAll)
  }
  return { record, flush: () => sending ?? Promise.resolve() }
}
