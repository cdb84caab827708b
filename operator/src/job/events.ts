/** The Events a job gets, each in one place. */
import type { Reason } from '@attune/crds/conditions.ts'
import type { Stage } from '@attune/crds/stage.ts'
import type { EventReason, JobEvent } from './situation.ts'

const normal = (reason: EventReason, message: string): JobEvent => ({
  type: 'Normal',
  reason,
  message,
})
const warning = (reason: EventReason, message: string): JobEvent => ({
  type: 'Warning',
  reason,
  message,
})

export const accepted = () => normal('Accepted', 'run 1 is accepted')
export const runStarted = (run: number) =>
  normal('RunStarted', `the spec changed: run ${run} starts`)
export const rerunStarted = (run: number) =>
  normal('RunStarted', `attune.dev/rerun asks for it: run ${run} starts`)
export const artifactsReused = (run: number, from: number) =>
  normal(
    'ArtifactsReused',
    `run ${run}: run ${from} has published the same spec; its artifacts and evaluation stand, nothing is trained`,
  )
export const artifactsLost = (run: number, from: number, why: string) =>
  warning(
    'ArtifactsLost',
    `run ${run}: run ${from} has published the same spec, but ${why}; what is missing is done again`,
  )
export const superseded = (run: number) =>
  normal('Superseded', `run ${run} is stopped for a new one; its checkpoint is kept`)
export const modelChosen = (run: number, baseModel: string, uri: string, score?: number) =>
  normal(
    'ModelChosen',
    `run ${run}: BaseModel ${baseModel}, ${uri}${score === undefined ? '' : `, fits best with a score of ${score}`}`,
  )
export const stageStarted = (run: number, stage: Stage) =>
  normal('StageStarted', `run ${run}: stage ${stage} starts`)
export const stageFinished = (run: number, stage: Stage, seconds: number) =>
  normal('StageFinished', `run ${run}: stage ${stage} ended after ${Math.round(seconds)} s`)
export const stageSkipped = (run: number, stage: Stage, from: number) =>
  normal('StageSkipped', `run ${run}: stage ${stage} has the same inputs as in run ${from}`)
export const suspended = (run: number) =>
  normal('Suspended', `run ${run} is suspended; no pod runs`)
export const resumed = (run: number, stage: Stage) =>
  normal('Resumed', `run ${run} goes on with stage ${stage}`)
export const succeeded = (run: number) => normal('Succeeded', `run ${run} is published`)
export const notPublished = (run: number) =>
  normal('NotPublished', `run ${run} is evaluated; spec.output.publish is false`)
export const awaiting = (reason: Reason, message: string) =>
  reason === 'DatasetFailed' ? warning(reason, message) : normal(reason, message)
export const expired = () =>
  normal('Expired', 'Jobs, pods and workspace are removed after ttlSecondsAfterFinished')
export const policyViolated = (run: number, message: string) =>
  warning('PolicyViolation', `run ${run}: ${message}`)
export const workspaceLost = (run: number) =>
  warning('WorkspaceLost', `run ${run}: the workspace is gone; starting from the first stage`)
export const publishRetried = (run: number) =>
  normal('PublishRetried', `run ${run}: Publish is tried again`)
export const publishNotRetried = (run: number, why: string) =>
  warning('PublishNotRetried', `run ${run}: Publish is not tried again: ${why}`)
export const planExceedsMemory = (message: string) => warning('PlanExceedsMemory', message)
export const hindered = (reason: Reason, message: string) => warning(reason, message)
export const failed = (run: number, reason: Reason, message: string) =>
  warning(reason, `run ${run} failed: ${message}`)
export const retrying = (stage: Stage, attempt: number, why: string) =>
  warning('Retrying', `stage ${stage}, attempt ${attempt}: ${why}`)
export const microBatchHalved = (run: number, attempt: number) =>
  normal(
    'MicroBatchHalved',
    `run ${run}: from attempt ${attempt} on half as many rows are computed at once; the result is the same`,
  )
export const outOfMemory = (message: string) => warning('OutOfMemory', message)
