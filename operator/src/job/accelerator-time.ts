/** Running time of pods times their devices, counted once however often and from wherever it is looked at. */
import type { Pod } from './kinds.ts'
import { CONTAINER, runningSince, terminated } from './pod-state.ts'
import { rfc3339Seconds } from '../kube/conditions.ts'

export type AcceleratorTime = {
  readonly acceleratorSeconds?: number
  /** everything before is in `acceleratorSeconds` */
  readonly accountedUntil?: string
}

export type AcceleratorUse = {
  /** by extended resource, such as `nvidia.com/gpu` */
  readonly seconds: ReadonlyMap<string, number>
  /** milliseconds; 0 where nothing was ever counted */
  readonly untilMs: number
}

type Interval = {
  /** resource and number of devices */
  readonly devices: readonly (readonly [resource: string, count: number])[]
  readonly startMs: number
  readonly endMs: number
}

/** Extended resources have a domain: `nvidia.com/gpu`. */
const devicesOf = (pod: Pod): Interval['devices'] =>
  Object.entries(
    pod.spec?.containers.find(({ name }) => name === CONTAINER)?.resources?.limits ?? {},
  )
    .map(([resource, quantity]) => [resource, Number(quantity) || 0] as const)
    .filter(([resource, count]) => resource.includes('/') && count > 0)

export const usesAccelerator = (pod: Pod): boolean => devicesOf(pod).length > 0

const intervalOf = (pod: Pod, now: number): readonly Interval[] => {
  const end = terminated(pod)
  const startMs = Date.parse(end?.startedAt ?? runningSince(pod) ?? '')
  const endMs = end ? Date.parse(end.finishedAt ?? '') : now
  const devices = devicesOf(pod)
  return endMs > startMs && devices.length > 0 ? [{ devices, startMs, endMs }] : []
}

/** What is not in `before` yet. Pods of a job run one after the other, so the end of what is counted is one moment. */
export const acceleratorUse = (
  { accountedUntil }: AcceleratorTime,
  pods: readonly Pod[],
  now: number,
): AcceleratorUse => {
  const seconds = new Map<string, number>()
  let untilMs = Date.parse(accountedUntil ?? '') || 0
  const intervals = pods.flatMap(pod => intervalOf(pod, now)).sort((a, b) => a.startMs - b.startMs)
  for (const { devices, startMs, endMs } of intervals) {
    const from = Math.max(startMs, untilMs)
    // status stamps have whole seconds: what is counted must end on one
    const to = Math.floor(endMs / 1000) * 1000
    if (to <= from) continue
    for (const [resource, count] of devices)
      seconds.set(resource, (seconds.get(resource) ?? 0) + (count * (to - from)) / 1000)
    untilMs = to
  }
  return { seconds, untilMs }
}

export const acceleratorTime = (
  before: AcceleratorTime,
  pods: readonly Pod[],
  now: number,
): AcceleratorTime => {
  const { seconds, untilMs } = acceleratorUse(before, pods, now)
  const used = [...seconds.values()].reduce((sum, value) => sum + value, 0)
  // named fields only: `before` may be a whole status
  return untilMs === 0
    ? {}
    : {
        acceleratorSeconds: (before.acceleratorSeconds ?? 0) + used,
        accountedUntil: rfc3339Seconds(untilMs),
      }
}
