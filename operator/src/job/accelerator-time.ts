/** Running time of pods times their devices, counted once a pod however often and from wherever it is looked at. */
import { OTHER_RESOURCE, RESOURCES_MAX } from '@attune/crds/accelerator-resource.ts'
import type { InstructionTuningJobStatus } from '@attune/crds/instruction-tuning-job-status.ts'
import { rfc3339Seconds } from '../kube/conditions.ts'
import { controllerOf } from '../kube/kube-object.ts'
import type { Pod, StageJob } from './kinds.ts'
import { CONTAINER, endedAt, hasEnded, runningSince, terminated } from './pod-state.ts'

export type AcceleratorTime = Pick<
  InstructionTuningJobStatus,
  'acceleratorSeconds' | 'acceleratorSecondsByResource' | 'accountedPods' | 'accountedUntil'
>
type Present = { readonly pods: readonly Pod[]; readonly stageJobs: readonly StageJob[] }

/** A job has more only where evictions leave many pods behind. */
const PODS_MAX = 32

export type AcceleratorUse = {
  /** by extended resource, such as `nvidia.com/gpu`; 0 for a pod that has just begun */
  readonly seconds: ReadonlyMap<string, number>
  readonly pods: NonNullable<AcceleratorTime['accountedPods']>
  /** milliseconds; what other pods did before is counted, or lost */
  readonly untilMs: number
}

/** Extended resources have a domain: `nvidia.com/gpu`. */
const devicesOf = (pod: Pod): readonly (readonly [resource: string, count: number])[] =>
  Object.entries(
    pod.spec?.containers.find(({ name }) => name === CONTAINER)?.resources?.limits ?? {},
  )
    .map(([resource, quantity]) => [resource, Number(quantity) || 0] as const)
    .filter(([resource, count]) => resource.includes('/') && count > 0)

export const usesAccelerator = (pod: Pod): boolean => devicesOf(pod).length > 0

/** Undefined where it never ran. */
const startMs = (pod: Pod): number | undefined =>
  Date.parse(terminated(pod)?.startedAt ?? runningSince(pod) ?? '') || undefined

/** A pod whose node is lost is said to run for ever: its phase or its deletion ends it. */
const endMs = (pod: Pod, now: number): number => {
  if (hasEnded(pod) || terminated(pod)) return Math.min(now, Date.parse(endedAt(pod) ?? '') || 0)
  return Math.min(now, Date.parse(pod.metadata.deletionTimestamp ?? '') || now)
}

const millis = (time: string | undefined) => Date.parse(time ?? '') || 0

type Interval = {
  readonly pod: Pod
  readonly uid: string
  readonly from: number
  readonly to: number
}

/** Pods of our Jobs; one whose Job is gone is known from before. */
const intervals = (
  { accountedPods = [], accountedUntil }: AcceleratorTime,
  { pods, stageJobs }: Present,
  now: number,
): readonly Interval[] => {
  const known = new Map(accountedPods.map(({ pod, until }) => [pod, millis(until)]))
  const jobs = new Set(stageJobs.map(({ metadata }) => metadata.uid))
  return pods.flatMap(pod => {
    const { uid = '' } = pod.metadata
    const start = startMs(pod)
    const isOurs = known.has(uid) || jobs.has(controllerOf(pod)?.uid ?? '')
    if (!isOurs || start === undefined || !usesAccelerator(pod)) return []
    const from = known.get(uid) ?? Math.max(start, millis(accountedUntil))
    // status stamps have whole seconds: what is counted must end on one
    const to = Math.floor(endMs(pod, now) / 1000) * 1000
    const isOver = hasEnded(pod) && to <= millis(accountedUntil)
    return isOver ? [] : [{ pod, uid, from, to: Math.max(from, to) }]
  })
}

/** What is not in `before` yet. */
export const acceleratorUse = (
  before: AcceleratorTime,
  present: Present,
  now: number,
): AcceleratorUse => {
  const seconds = new Map<string, number>()
  const all = intervals(before, present, now).toSorted((a, b) => b.to - a.to)
  for (const { pod, from, to } of all)
    for (const [resource, count] of devicesOf(pod))
      seconds.set(resource, (seconds.get(resource) ?? 0) + (count * (to - from)) / 1000)
  return {
    seconds,
    pods: all
      .slice(0, PODS_MAX)
      .map(({ uid, to }) => ({ pod: uid, until: rfc3339Seconds(to) }))
      .toSorted((a, b) => (a.pod < b.pod ? -1 : 1)),
    untilMs: Math.max(millis(before.accountedUntil), all[PODS_MAX]?.to ?? 0),
  }
}

const added = (
  before: Readonly<Record<string, number>>,
  more: ReadonlyMap<string, number>,
): Readonly<Record<string, number>> => {
  const sums = new Map(Object.entries(before))
  for (const [resource, seconds] of more) {
    const isKnown = sums.has(resource) || sums.size < RESOURCES_MAX - 1
    const name = isKnown ? resource : OTHER_RESOURCE
    sums.set(name, (sums.get(name) ?? 0) + seconds)
  }
  return Object.fromEntries(sums)
}

export const acceleratorTime = (
  before: AcceleratorTime,
  present: Present,
  now: number,
): AcceleratorTime => {
  const { seconds, pods, untilMs } = acceleratorUse(before, present, now)
  const used = [...seconds.values()].reduce((sum, value) => sum + value, 0)
  if (before.acceleratorSeconds === undefined && pods.length === 0) return {}
  // named fields only: `before` may be a whole status
  return {
    acceleratorSeconds: (before.acceleratorSeconds ?? 0) + used,
    acceleratorSecondsByResource: added(before.acceleratorSecondsByResource ?? {}, seconds),
    ...(pods.length > 0 ? { accountedPods: pods } : {}),
    ...(untilMs > 0 ? { accountedUntil: rfc3339Seconds(untilMs) } : {}),
  }
}

/** Milliseconds; 0 where nothing was ever counted. */
export const lastAccountedMs = ({ accountedPods = [], accountedUntil }: AcceleratorTime): number =>
  Math.max(millis(accountedUntil), ...accountedPods.map(({ until }) => millis(until)))
