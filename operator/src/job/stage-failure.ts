/** Why a stage failed: from the result its pod left, how the container ended, and what its Job says. */
import type { Reason } from '@attune/crds/conditions.ts'
import { CURATE, EXIT, type TrainerStage } from '@attune/crds/stage.ts'
import type { Pod, StageJob } from './kinds.ts'
import { jobCondition, terminated, wasDisrupted } from './pod-state.ts'
import { ENDS_JOB, endedByPolicy, TERMINATED } from './retry-after-kill.ts'
import { readStageResult } from './stage-result.ts'

export type Failure = { readonly reason: Reason; readonly message: string }

/** For a pod that ended without a result that can be read. */
const REASON_OF_EXIT_CODE: Readonly<Record<number, Reason>> = {
  [EXIT.diverged]: 'TrainingDiverged',
  [EXIT.noInput]: 'SourceNotFound',
  [EXIT.forbidden]: 'SourceForbidden',
  [EXIT.outOfMemory]: 'OutOfMemory',
}

/** How one attempt ended; undefined while it runs, and where it succeeded. */
export const attemptFailure = (pod: Pod, stage: TrainerStage): Failure | undefined => {
  const end = terminated(pod)
  if (!end) {
    if (pod.status?.phase !== 'Failed') return undefined
    return { reason: 'StageFailed', message: 'the pod ended before its container started' }
  }
  if (end.exitCode === EXIT.ok) return undefined
  if (end.reason === 'OOMKilled') {
    const otherwise = stage === CURATE ? '' : ' or lower training.microBatchSize'
    const message = `stage ${stage} was killed for memory; raise resources.limits.memory${otherwise}`
    return { reason: 'OutOfMemory', message }
  }
  const result = readStageResult(end.message, stage)
  if (result?.reason)
    return { reason: result.reason, message: result.message ?? `stage ${stage} failed` }
  const said = result?.message ?? `stage ${stage} ended with exit code ${end.exitCode}`
  const reason = REASON_OF_EXIT_CODE[end.exitCode]
  return {
    reason: reason ?? 'StageFailed',
    message: result?.message ? said : `${said} and left no result`,
  }
}

/** A stop that costs no retry: SIGTERM with a checkpoint, or a pod that Kubernetes took away. */
export const wasInterrupted = (pod: Pod) => {
  const exitCode = terminated(pod)?.exitCode
  return exitCode === EXIT.stopped || exitCode === TERMINATED || wasDisrupted(pod) === true
}

/** Its Job gave up for the time, whatever its pod does. */
export const isOverdue = (job: StageJob): boolean =>
  jobCondition(job, 'Failed')?.reason === 'DeadlineExceeded'

/**
 * Why its Job gave up.
 * @param waited what the stage waited for last, if anything
 */
export const stageFailure = (
  job: StageJob,
  stage: TrainerStage,
  pod: Pod | undefined,
  waited?: string,
): Failure => {
  const condition = jobCondition(job, 'Failed')
  if (isOverdue(job))
    return {
      reason: 'DeadlineExceeded',
      message: waited
        ? `stage ${stage} did not end within retry.deadlineSeconds; it waited: ${waited}`
        : `stage ${stage} ran longer than retry.deadlineSeconds`,
    }
  const last = pod && attemptFailure(pod, stage)
  const exitCode = pod && terminated(pod)?.exitCode
  const usedUp = endedByPolicy(job) && exitCode !== undefined && ENDS_JOB.includes(exitCode)
  if (condition?.reason === 'BackoffLimitExceeded' || usedUp) {
    const failure = last ?? { reason: 'StageFailed', message: `stage ${stage} failed` }
    // a failure without a name of its own: that the retries are used up says more
    const reason = failure.reason === 'StageFailed' ? 'RetriesExhausted' : failure.reason
    return { reason, message: `${failure.message} (retry.limit is used up)` }
  }
  return (
    last ?? {
      reason: 'StageFailed',
      message: `stage ${stage} failed: ${condition?.message || condition?.reason || 'its Job does not say why'}`,
    }
  )
}
