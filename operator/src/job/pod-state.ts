/** What a stage's pod says of itself. */
import { ownedBy } from '../kube/predicates.ts'
import type { Pod, StageJob, Terminated } from './kinds.ts'

export const CONTAINER = 'trainer'

const container = (pod: Pod) =>
  pod.status?.containerStatuses?.find(status => status.name === CONTAINER)

export const terminated = (pod: Pod): Terminated | undefined => container(pod)?.state?.terminated
export const waiting = (pod: Pod) => container(pod)?.state?.waiting
export const runningSince = (pod: Pod): string | undefined =>
  container(pod)?.state?.running?.startedAt

const phaseOf = (pod: Pod) => pod.status?.phase
/** It holds no resources any more, though the object may still be there. */
export const hasEnded = (pod: Pod) => phaseOf(pod) === 'Succeeded' || phaseOf(pod) === 'Failed'
/** Its container may still be said to run: nobody asked the node. */
export const endedAt = (pod: Pod): string | undefined =>
  terminated(pod)?.finishedAt ??
  pod.status?.conditions?.find(
    ({ type, status }) =>
      (type === 'DisruptionTarget' && status === 'True') ||
      (type === 'Ready' && status === 'False'),
  )?.lastTransitionTime ??
  pod.metadata.deletionTimestamp
export const isRunning = (pod: Pod) => !hasEnded(pod) && runningSince(pod) !== undefined

export const podsOf = (pods: readonly Pod[], job: StageJob | undefined): readonly Pod[] =>
  job ? pods.filter(pod => ownedBy(job, pod)) : []

const created = (pod: Pod) => Date.parse(pod.metadata.creationTimestamp ?? '') || 0

/**
 * The pod whose word counts. Times have whole seconds only: among pods of one second it is the one
 * that still runs, then the one that was the newest before.
 */
export const newestPod = (pods: readonly Pod[], before?: string): Pod | undefined =>
  [...pods].sort(
    (a, b) =>
      created(b) - created(a) ||
      Number(hasEnded(a)) - Number(hasEnded(b)) ||
      Number(b.metadata.name === before) - Number(a.metadata.name === before) ||
      (a.metadata.name < b.metadata.name ? 1 : -1),
  )[0]

export const wasDisrupted = (pod: Pod) =>
  pod.status?.conditions?.some(
    ({ type, status }) => type === 'DisruptionTarget' && status === 'True',
  )

type JobConditionType = 'Complete' | 'Failed' | 'FailureTarget' | 'Suspended'
export const jobCondition = (job: StageJob, type: JobConditionType) =>
  job.status?.conditions?.find(condition => condition.type === type && condition.status === 'True')
export const jobHasEnded = (job: StageJob) =>
  jobCondition(job, 'Complete') !== undefined || jobCondition(job, 'Failed') !== undefined

/** Longer than a watch that was cut off takes to come back: a pod that is not in the cache by then is gone. */
export const BEHIND_MS = 20_000

/** It ended just now: the cache of pods may be behind that of Jobs, and those it had may be yet to come. */
export const podsMayFollow = (job: StageJob, now: number): boolean => {
  const end = jobCondition(job, 'Complete') ?? jobCondition(job, 'Failed')
  return now - (Date.parse(end?.lastTransitionTime ?? '') || 0) < BEHIND_MS
}
