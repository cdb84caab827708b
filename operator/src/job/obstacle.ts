/** What keeps a stage's pod from running, under a reason that people search for and in the words of Kubernetes. */
import type { Reason } from '@attune/crds/conditions.ts'
import type { InstructionTuningJob, Pod, StageJob } from './kinds.ts'
import { hasEnded, jobCondition, jobHasEnded, waiting } from './pod-state.ts'

export type Obstacle = { readonly reason: Reason; readonly message: string }

/** The newest Warning Event of an object. */
export type Warning = { readonly reason: string; readonly message: string }

/** Of a pod that does not start. */
export const START_OBSTACLES: readonly Reason[] = [
  'Unschedulable',
  'ImagePullBackOff',
  'FailedMount',
  'CreateContainerError',
]
/** Told by an Event too: left alone they hold the stage up until its deadline. */
export const NAMED_OBSTACLES: readonly Reason[] = [...START_OBSTACLES, 'NodeNotResponding']

/** Volumes are made and bound, nodes are added and images pulled: for so long a pod just starts. */
export const STARTING_MS = 30_000

/** The kubelet's reasons of a waiting container. */
export const REASON_OF_CONTAINER: Readonly<Record<string, Reason>> = {
  ErrImagePull: 'ImagePullBackOff',
  ImagePullBackOff: 'ImagePullBackOff',
  ErrImageNeverPull: 'ImagePullBackOff',
  InvalidImageName: 'ImagePullBackOff',
  ImageInspectError: 'ImagePullBackOff',
  RegistryUnavailable: 'ImagePullBackOff',
  SignatureValidationFailed: 'ImagePullBackOff',
  CreateContainerConfigError: 'CreateContainerError',
  CreateContainerError: 'CreateContainerError',
  RunContainerError: 'CreateContainerError',
}
/** Those of Events about a pod whose container is not made yet. */
export const REASON_OF_WARNING: Readonly<Record<string, Reason>> = {
  FailedMount: 'FailedMount',
  FailedAttachVolume: 'FailedMount',
  FailedMapVolume: 'FailedMount',
}

const sentence = (reason: string | undefined, message: string | undefined) =>
  [reason, message].filter(Boolean).join(': ')

const scheduled = (pod: Pod) => pod.status?.conditions?.find(({ type }) => type === 'PodScheduled')
const since = (time: string | undefined, now: number) => now - (Date.parse(time ?? '') || now)

/** Placed on a node, and not one container made: volumes, network or image are not there yet. */
export const isCreating = (pod: Pod): boolean =>
  !hasEnded(pod) &&
  scheduled(pod)?.status === 'True' &&
  waiting(pod)?.reason === 'ContainerCreating'

const unscheduled = (pod: Pod, now: number): Obstacle | undefined => {
  const condition = scheduled(pod)
  if (condition?.status !== 'False') return undefined
  const isNew = since(condition.lastTransitionTime, now) < STARTING_MS
  const message = condition.message ?? condition.reason ?? 'no node takes it'
  return { reason: isNew ? 'Waiting' : 'Unschedulable', message }
}

const notCreated = (pod: Pod, warning: Warning | undefined, now: number): Obstacle | undefined => {
  const age = since(pod.status?.startTime, now)
  if (!isCreating(pod) || age < STARTING_MS) return undefined
  if (warning) {
    const reason = REASON_OF_WARNING[warning.reason] ?? 'Waiting'
    return { reason, message: sentence(warning.reason, warning.message) }
  }
  const message = `its container is still being created; kubectl describe pod ${pod.metadata.name} says more`
  return { reason: 'Waiting', message }
}

/** @returns undefined while nothing is in its way, as far as it is known */
export const podObstacle = (
  pod: Pod,
  warning: Warning | undefined,
  now: number,
): Obstacle | undefined => {
  const { reason, message } = waiting(pod) ?? {}
  if (reason && reason !== 'ContainerCreating')
    return {
      reason: REASON_OF_CONTAINER[reason] ?? 'Waiting',
      message: sentence(reason, message),
    }
  return unscheduled(pod, now) ?? notCreated(pod, warning, now)
}

/** Whether time alone can turn its state into an obstacle. */
export const isStarting = (pod: Pod): boolean =>
  !hasEnded(pod) && (scheduled(pod)?.status === 'False' || isCreating(pod))

/** Whether only an Event can say why it does not start. */
export const podKeepsSilent = (pod: Pod, now: number): boolean =>
  isCreating(pod) && since(pod.status?.startTime, now) >= STARTING_MS

/** The same of a Job that should have a pod; why it has none stands in its Events only. */
export const jobKeepsSilent = (job: StageJob, now: number): boolean =>
  !jobHasEnded(job) &&
  !job.metadata.deletionTimestamp &&
  !jobCondition(job, 'Suspended') &&
  !job.status?.active &&
  since(job.metadata.creationTimestamp, now) >= STARTING_MS

/** What status said last of a stage that does not go on. */
export const obstacleBefore = ({ status }: InstructionTuningJob): Obstacle | undefined => {
  const { reason, message = '' } =
    status?.conditions?.find(({ type }) => type === 'Reconciling') ?? {}
  const known = [...NAMED_OBSTACLES, 'Waiting' as const].find(name => name === reason)
  return known && { reason: known, message: message.replace(/^run \d+: /, '') }
}
