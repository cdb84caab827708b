/** The Job runs: say what its pod waits for, or that it is tried again. */
import { CURATE } from '@attune/crds/stage.ts'
import { DATASET_REASONS } from '@attune/crds/dataset-conditions.ts'
import type { StageJob } from '../../job/kinds.ts'
import { isStarting, jobKeepsSilent, podObstacle, STARTING_MS } from '../../job/obstacle.ts'
import { newestPod, podsOf } from '../../job/pod-state.ts'
import { attemptFailure, wasInterrupted } from '../../job/stage-failure.ts'
import { obstacleBefore } from '../obstacle-before.ts'
import { ownJob } from '../own-job.ts'
import { isDatasetReason, note } from '../say.ts'
import type { Situation, Step, StepResult } from '../situation.ts'

/** The Job controller tells why it makes no pod, e.g. for a quota, in Events of the Job only. */
const withoutPod = ({ observed, now }: Situation, job: StageJob | undefined): StepResult => {
  if (!job || !jobKeepsSilent(job, now))
    return { phase: 'Preparing', note: note('Preparing'), requeueAfterMs: STARTING_MS }
  const warning = observed.warnings[job.metadata.uid ?? '']
  const why = warning ? `: ${warning.message}` : '; its Events say why'
  return { phase: 'Preparing', note: note('Waiting', `Job ${job.metadata.name} has no pod${why}`) }
}

export const watchCurating: Step = situation => {
  const { observed, now } = situation
  const job = ownJob(situation)
  const pod = newestPod(podsOf(observed.pods, job))
  const said = (reason: string, message: string): StepResult => ({
    phase: 'Preparing',
    note: note(isDatasetReason(reason) ? reason : 'Waiting', message),
    ...(pod && isStarting(pod) ? { requeueAfterMs: STARTING_MS } : {}),
  })
  const known = obstacleBefore(situation)
  const before = known?.reason === 'NodeNotResponding' ? undefined : known
  // Kubernetes removes the pods of a Job that fails, and what they waited for is worth keeping
  const isGoing = pod === undefined || pod.metadata.deletionTimestamp !== undefined
  if (before && isGoing && !(job && jobKeepsSilent(job, now)))
    return { phase: 'Preparing', note: before, requeueAfterMs: STARTING_MS }
  if (!pod) return withoutPod(situation, job)
  const { name } = pod.metadata
  if (wasInterrupted(pod)) return said('Retrying', `pod ${name} was stopped; its work goes on`)
  const failure = attemptFailure(pod, CURATE)
  if (failure) return said('Retrying', failure.message)
  const obstacle = podObstacle(pod, observed.warnings[pod.metadata.uid ?? ''], now)
  return obstacle
    ? said(obstacle.reason, `pod ${name}: ${obstacle.message}`)
    : said('Preparing', DATASET_REASONS.Preparing)
}
