/** Brings the running stage of a run up to what its pods show: attempts, the newest pod, training progress. */
import type {
  RunStatus,
  StageStatus,
  TrainingStatus,
} from '@attune/crds/instruction-tuning-job-status.ts'
import type { Pod, StageJob } from './kinds.ts'
import { outOfMemory, resumed, retrying } from './events.ts'
import { stageJobName } from './names.ts'
import { hasEnded, jobHasEnded, newestPod, podsOf } from './pod-state.ts'
import { experimentOf } from './pins.ts'
import { trainingStatus } from './progress.ts'
import { withValidation } from './validations.ts'
import { isHeld } from './queue/queue-labels.ts'
import { retriesBefore } from './retry-after-kill.ts'
import { currentStage, PHASE_OF_STAGE, withStage } from './run.ts'
import type { JobEvent, Observed } from './situation.ts'
import { attemptFailure, wasInterrupted } from './stage-failure.ts'
import { rfc3339Seconds } from '../kube/conditions.ts'

export type Tracked = { readonly run: RunStatus; readonly events: readonly JobEvent[] }

export const stageJobOf = (observed: Observed, run: RunStatus, stage: StageStatus) => {
  const name = stageJobName(observed.job.metadata.name, run.number, stage.name)
  return observed.stageJobs.find(({ metadata }) => metadata.name === name)
}

export const stagePodsOf = (observed: Observed, run: RunStatus, stage: StageStatus) =>
  podsOf(observed.pods, stageJobOf(observed, run, stage))

const retryEvents = (
  stage: StageStatus,
  pods: readonly Pod[],
  job: StageJob | undefined,
): readonly JobEvent[] => {
  if (stage.pod === undefined) return []
  const attempt = (stage.attempts ?? 0) + 1
  const last = pods.find(({ metadata }) => metadata.name === stage.pod)
  // told when the Job before was given up
  if (!last && job && retriesBefore(job) > 0) return []
  if (!last || wasInterrupted(last))
    return [retrying(stage.name, attempt, `pod ${stage.pod} was stopped; its work goes on`)]
  const failure = attemptFailure(last, stage.name)
  return [
    ...(failure?.reason === 'OutOfMemory' ? [outOfMemory(failure.message)] : []),
    retrying(stage.name, attempt, failure?.message ?? `pod ${stage.pod} ended`),
  ]
}

/** What an experiment stops its trials on. */
const compared = (
  { job }: Observed,
  { training }: RunStatus,
  newest: TrainingStatus,
): Pick<TrainingStatus, 'validations'> => {
  const everySteps = job.spec?.evaluation.everySteps ?? 1
  return experimentOf(job) === undefined
    ? {}
    : { validations: [...withValidation(training?.validations ?? [], newest, everySteps)] }
}

const withProgress = (run: RunStatus, stage: StageStatus, observed: Observed): RunStatus => {
  const report = stage.pod === undefined ? undefined : observed.progress[stage.pod]
  if (stage.name !== 'train' || report?.stage !== 'train' || !report.training) return run
  const newest = trainingStatus(run.training, report.training)
  const training = { ...newest, ...compared(observed, run, newest) }
  // a plan taken over from an earlier run knows the steps of that one
  const plan = run.plan && { ...run.plan, totalSteps: training.totalSteps }
  return { ...run, training, ...(plan ? { plan } : {}) }
}

/** Without its pod: the one that comes after it is admitted again is no retry of it. */
const queued = (run: RunStatus, stage: StageStatus, pods: readonly Pod[]): RunStatus => {
  if (!pods.every(hasEnded)) return run
  const { pod: _pod, ...waiting } = stage
  const stages = run.stages.map(other => (other.name === stage.name ? waiting : other))
  return { ...run, phase: 'Queued', stages }
}

type Running = { readonly run: RunStatus; readonly stage: StageStatus }

const trackPods = ({ run, stage }: Running, observed: Observed, now: number): Tracked => {
  const job = stageJobOf(observed, run, stage)
  const pods = podsOf(observed.pods, job)
  const newest = newestPod(pods, stage.pod)
  if (!newest) return { run, events: [] }
  if (newest.metadata.name === stage.pod)
    return { run: withProgress(run, stage, observed), events: [] }
  const started = {
    ...stage,
    pod: newest.metadata.name,
    attempts: (stage.attempts ?? 0) + 1,
    startedAt: stage.startedAt ?? newest.metadata.creationTimestamp ?? rfc3339Seconds(now),
  }
  return {
    run: withProgress(withStage(run, stage.name, started), started, observed),
    events: retryEvents(stage, pods, job),
  }
}

export const track = (run: RunStatus, observed: Observed, now: number): Tracked => {
  const stage = currentStage(run)
  if (stage?.state !== 'Running') return { run, events: [] }
  const job = stageJobOf(observed, run, stage)
  if (job && isHeld(job) && !jobHasEnded(job))
    return { run: queued(run, stage, podsOf(observed.pods, job)), events: [] }
  if (!job || run.phase !== 'Queued') return trackPods({ run, stage }, observed, now)
  const admitted: RunStatus = { ...run, phase: PHASE_OF_STAGE[stage.name] }
  const tracked = trackPods({ run: admitted, stage }, observed, now)
  const events = stage.attempts ? [resumed(run.number, stage.name)] : []
  return { run: tracked.run, events: [...events, ...tracked.events] }
}
