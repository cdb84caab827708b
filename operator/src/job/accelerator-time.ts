/** Running time of pods times their devices, counted once however often and from wherever it is looked at. */
import type { Pod } from './kinds.ts'
import { CONTAINER, runningSince, terminated } from './pod-state.ts'
import { rfc3339Seconds } from '../kube/conditions.ts'

export type AcceleratorTime = {
  readonly acceleratorSeconds?: number
  /** everything before is in `acceleratorSeconds` */
  readonly accountedUntil?: string
}

/** Extended resources have a domain: `nvidia.com/gpu`. */
const devices = (pod: Pod): number =>
  Object.entries(
    pod.spec?.containers.find(({ name }) => name === CONTAINER)?.resources?.limits ?? {},
  )
    .filter(([resource]) => resource.includes('/'))
    .reduce((sum, [, quantity]) => sum + (Number(quantity) || 0), 0)

const interval = (pod: Pod, now: number): readonly [number, number] | undefined => {
  const end = terminated(pod)
  const start = Date.parse(end?.startedAt ?? runningSince(pod) ?? '')
  const until = end ? Date.parse(end.finishedAt ?? '') : now
  return until > start ? [start, until] : undefined
}

/** Pods of a job run one after the other, so the end of what is counted is one moment. */
export const acceleratorTime = (
  before: AcceleratorTime,
  pods: readonly Pod[],
  now: number,
): AcceleratorTime => {
  let seconds = before.acceleratorSeconds ?? 0
  let until = Date.parse(before.accountedUntil ?? '') || 0
  const intervals = pods
    .map(pod => [devices(pod), interval(pod, now)] as const)
    .filter(([count, times]) => count > 0 && times !== undefined)
    .map(([count, times]) => [count, ...(times as readonly [number, number])] as const)
    .sort((a, b) => a[1] - b[1])
  for (const [count, start, end] of intervals) {
    const from = Math.max(start, until)
    // status stamps have whole seconds: what is counted must end on one
    const to = Math.floor(end / 1000) * 1000
    if (to <= from) continue
    seconds += (count * (to - from)) / 1000
    until = to
  }
  // named fields only: `before` may be a whole status
  return until === 0 ? {} : { acceleratorSeconds: seconds, accountedUntil: rfc3339Seconds(until) }
}
