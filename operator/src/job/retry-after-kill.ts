/**
 * A Train pod that is killed or runs out of memory ends its Job: a Job's pod template cannot change, and the next
 * attempt is to compute fewer rows at once. The gradient is summed over the micro-batches of a step, so the result stays the same.
 */
import type { StageStatus } from '@attune/crds/instruction-tuning-job-status.ts'
import { EXIT, type TrainerStage } from '@attune/crds/stage.ts'
import type { StageJob, Terminated } from './kinds.ts'
import { RETRIES_ANNOTATION } from './names.ts'
import { jobCondition } from './pod-state.ts'

/** 128 and SIGKILL: how a container ends that is out of memory. */
export const KILLED = 137
/** 128 and SIGTERM: told to end before it could listen. */
export const TERMINATED = 143

/** Ends of a Train pod that are tried again by another Job; the API server wants them in order. */
export const ENDS_JOB: readonly number[] = [EXIT.outOfMemory, KILLED]

const ranOutOfMemory = ({ exitCode, reason }: Terminated): boolean =>
  exitCode === EXIT.outOfMemory || reason === 'OOMKilled'

export const endsWhenKilled = (stage: TrainerStage): boolean => stage === 'train'

/** Failed attempts of the stage before this Job. */
export const retriesBefore = ({ metadata }: StageJob): number =>
  Number(metadata.annotations?.[RETRIES_ANNOTATION]) || 0

export const endedByPolicy = (job: StageJob): boolean =>
  jobCondition(job, 'Failed')?.reason === 'PodFailurePolicy'

export type Killed = {
  readonly stage: Pick<StageStatus, 'name' | 'retries' | 'memoryKills'>
  readonly job: StageJob
  /** how its last container ended */
  readonly end: Terminated | undefined
  /** `retry.limit` */
  readonly limit: number
}

export type Retry = Required<Pick<StageStatus, 'retries' | 'memoryKills'>>

/** @returns undefined where nothing was killed, or `retry.limit` is used up */
export const retryAfterKill = ({ stage, job, end, limit }: Killed): Retry | undefined => {
  const { name, memoryKills = 0 } = stage
  if (!endsWhenKilled(name) || !endedByPolicy(job) || !end || !ENDS_JOB.includes(end.exitCode))
    return undefined
  const retries = retriesBefore(job) + Math.max(1, job.status?.failed ?? 1)
  if (retries > limit) return undefined
  return { retries, memoryKills: memoryKills + (ranOutOfMemory(end) ? 1 : 0) }
}
