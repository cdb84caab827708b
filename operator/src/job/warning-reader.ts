/** Reads the newest Warning Event of pods and Jobs that do not start: volumes, networks and quotas are told of nowhere else. */
import { type Clock, sleep, systemClock } from '../kube/clock.ts'
import { trimMessage } from '../kube/conditions.ts'
import { EVENT, type KubeEvent } from '../kube/events.ts'
import type { KubeClient } from '../kube/kube-client.ts'
import { type KubeObject, type ObjectKey, objectKey } from '../kube/kube-object.ts'
import type { Log } from '../kube/log.ts'
import { takeTurns } from '../kube/take-turns.ts'
import type { Pod, StageJob } from './kinds.ts'
import { jobKeepsSilent, podKeepsSilent, type Warning } from './obstacle.ts'

/** Events of one object; alike ones are counted in one. */
const EVENTS_MAX = 50
/** Of one round, by turns of their namespaces: with more that wait, each is asked about less often. */
const OBJECTS_MAX = 20
/** That a node was missing is old news once the pod has one. */
const OLD_NEWS = 'FailedScheduling'

export type WarningReaderOptions = {
  readonly client: Pick<KubeClient, 'listPages'>
  readonly pods: () => readonly Pod[]
  readonly stageJobs: () => readonly StageJob[]
  readonly intervalMs: number
  /** that names whom a pod or a Job belongs to; others are left alone */
  readonly label: string
  /** Of this owner something new is known. */
  readonly onChange: (owner: ObjectKey) => void
  readonly log: Log
  readonly clock?: Clock
}

export type WarningReader = {
  /** by the uid of a pod or a Job */
  get(uid: string): Warning | undefined
  /** Until the signal is aborted; call it once. */
  run(signal: AbortSignal): Promise<void>
}

const timeOf = ({ lastTimestamp, metadata }: KubeEvent) =>
  Date.parse(lastTimestamp ?? metadata.creationTimestamp ?? '') || 0

const newest = (events: readonly KubeEvent[]): Warning | undefined => {
  const [last] = events
    .filter(({ reason }) => reason !== OLD_NEWS)
    .toSorted((a, b) => timeOf(b) - timeOf(a))
  return last && { reason: last.reason ?? '', message: trimMessage(last.message ?? '') }
}

export const createWarningReader = (options: WarningReaderOptions): WarningReader => {
  const { client, pods, stageJobs, label, intervalMs, onChange, log } = options
  const { clock = systemClock } = options
  const warnings = new Map<string, Warning>()
  const asked = new Map<string, number>()

  const silent = (): readonly KubeObject[] => {
    const now = clock.now()
    return [
      ...pods().filter(pod => podKeepsSilent(pod, now)),
      ...stageJobs().filter(job => jobKeepsSilent(job, now)),
    ].filter(({ metadata }) => metadata.uid && metadata.labels?.[label])
  }

  const ask = async ({ metadata }: KubeObject, signal: AbortSignal) => {
    const { uid = '', namespace, labels } = metadata
    const fieldSelector = `involvedObject.uid=${uid},type=Warning`
    const place = namespace ? { namespace } : {}
    const pages = client.listPages(EVENT, { ...place, fieldSelector, limit: EVENTS_MAX, signal })
    const { value: page } = await pages.next()
    await pages.return()
    const warning = newest(page?.items ?? [])
    if (!warning || warnings.get(uid)?.message === warning.message) return
    warnings.set(uid, warning)
    onChange(objectKey({ ...place, name: labels?.[label] ?? '' }))
  }

  const round = async (signal: AbortSignal) => {
    const objects = silent()
    const present = new Set(objects.map(({ metadata }) => metadata.uid))
    for (const map of [warnings, asked])
      for (const uid of map.keys()) if (!present.has(uid)) map.delete(uid)
    let left = OBJECTS_MAX
    for (const object of takeTurns(objects, uid => asked.get(uid))) {
      if (signal.aborted || left === 0) return
      left -= 1
      asked.set(object.metadata.uid ?? '', clock.monotonic())
      try {
        await ask(object, signal)
      } catch (error) {
        // the status says less then; the next round asks again
        if (!signal.aborted) log.debug({ err: error }, 'Events of an object could not be read')
      }
    }
  }

  const run = async (signal: AbortSignal) => {
    while (!signal.aborted) {
      await round(signal)
      await sleep(clock, intervalMs, signal).catch(() => {})
    }
  }
  return { get: uid => warnings.get(uid), run }
}
