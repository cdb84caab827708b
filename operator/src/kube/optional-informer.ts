/** A cache of a kind that a cluster may not have: it fills and empties as the kind's CRD comes and goes. */
import { sleep, systemClock } from './clock.ts'
import { createGate } from './gate.ts'
import { createInformer, type Informer, type InformerOptions } from './informer.ts'
import type { KubeClient } from './kube-client.ts'
import type { KubeObject } from './kube-object.ts'

export type OptionalInformerOptions<T extends KubeObject> = InformerOptions<T> & {
  readonly client: Pick<KubeClient, 'serves'>
  /** Time between two questions whether the kind is there. */
  readonly discoveryMs: number
}

/** Until the first answer, nobody may take an empty cache for an absent kind. */
const RETRY_MS = 1_000

/** Runs the informer from `start` to `stop`; both may be called again and again. */
const createMirror = <T extends KubeObject>(informer: Informer<T>) => {
  let running: { readonly end: AbortController; readonly run: Promise<void> } | undefined
  return {
    start: (signal: AbortSignal) => {
      if (running) return false
      const end = new AbortController()
      running = { end, run: informer.run(AbortSignal.any([signal, end.signal])) }
      return true
    },
    stop: async () => {
      if (!running) return false
      running.end.abort()
      await running.run
      running = undefined
      informer.clear()
      return true
    },
  }
}

/** Synced once the kind is known to be absent, or its objects are listed. Nothing is watched while it is absent. */
export const createOptionalInformer = <T extends KubeObject>(
  options: OptionalInformerOptions<T>,
): Informer<T> => {
  const { client, kind, log, discoveryMs, clock = systemClock } = options
  const informer = createInformer<T>(options)
  const mirror = createMirror(informer)
  const absent = createGate()
  const resource = kind.plural

  const look = async (signal: AbortSignal): Promise<number> => {
    try {
      const served = await client.serves(kind, { signal })
      if (served && mirror.start(signal)) log.info({ resource }, 'the kind is served: watching it')
      if (!served) {
        if (await mirror.stop()) log.info({ resource }, 'the kind is no longer served')
        absent.open()
      }
      return discoveryMs
    } catch (error) {
      // nothing is known, so everything stays as it is
      if (!signal.aborted) log.debug({ resource, err: error }, 'discovery failed')
      return Math.min(RETRY_MS, discoveryMs)
    }
  }
  const run = async (signal: AbortSignal) => {
    while (!signal.aborted) {
      const delayMs = await look(signal)
      // an abort ends the sleep; the loop looks at the signal itself
      await sleep(clock, delayMs, signal).catch(() => {})
    }
    await mirror.stop()
  }
  return {
    ...informer,
    get size() {
      return informer.size
    },
    hasSynced: () => absent.isOpen() || informer.hasSynced(),
    whenSynced: signal => Promise.race([absent.wait(signal), informer.whenSynced(signal)]),
    run,
  }
}
