/** A stage runs: say what its pod waits for, or that it is tried again. */
import type { Reason } from '@attune/crds/conditions.ts'
import { hindered } from '../events.ts'
import type { Pod } from '../kinds.ts'
import {
  isCreating,
  isStarting,
  jobKeepsSilent,
  NAMED_OBSTACLES,
  type Obstacle,
  obstacleBefore,
  podObstacle,
  START_OBSTACLES,
  STARTING_MS,
} from '../obstacle.ts'
import { jobCondition, newestPod } from '../pod-state.ts'
import { currentStage, isFinished, withRun } from '../run.ts'
import type { RunStep, Situation, StepResult } from '../situation.ts'
import { attemptFailure, wasInterrupted } from '../stage-failure.ts'
import { stageJobOf, stagePodsOf } from '../track.ts'

const MESSAGE_MAX = 1024

const note = (runs: StepResult['runs'], reason: Reason, message: string): StepResult => ({
  runs,
  note: { reason, message: message.slice(0, MESSAGE_MAX) },
})

/** An Event when it begins, and none while the same thing goes on. */
const hindrance = (
  { observed }: Situation,
  runs: StepResult['runs'],
  { reason, message }: Obstacle,
): StepResult => {
  const said = note(runs, reason, message)
  const isNews = NAMED_OBSTACLES.includes(reason) && obstacleBefore(observed.job)?.reason !== reason
  return isNews ? { ...said, events: [hindered(reason, message.slice(0, MESSAGE_MAX))] } : said
}

const namedBefore = ({ observed }: Situation): Obstacle | undefined => {
  const before = obstacleBefore(observed.job)
  return before && START_OBSTACLES.includes(before.reason) ? before : undefined
}

/** Kubernetes removes the pods of a Job that fails, and what they waited for is worth keeping. */
const asBefore = (situation: Situation, runs: StepResult['runs']): StepResult => {
  const before = namedBefore(situation)
  return before ? note(runs, before.reason, before.message) : { runs }
}

/** A kubelet that tries once more to pull an image says for a moment that it creates the container. */
const isPulledAgain = (situation: Situation, pod: Pod): boolean =>
  isCreating(pod) && namedBefore(situation)?.reason === 'ImagePullBackOff'

/**
 * The Job controller tells why it makes no pod, e.g. for a quota, in Events of the Job only.
 * @param last name of the pod before, if there was one
 */
const withoutPod = (
  situation: Situation,
  runs: StepResult['runs'],
  job: ReturnType<typeof stageJobOf>,
  last: string | undefined,
): StepResult => {
  const { observed, now } = situation
  if (!job || !jobKeepsSilent(job, now))
    return { ...asBefore(situation, runs), requeueAfterMs: STARTING_MS }
  const warning = observed.warnings[job.metadata.uid ?? '']
  // the next one takes some seconds
  if (!warning && last !== undefined)
    return {
      ...note(runs, 'Retrying', `pod ${last} is gone; another goes on with its work`),
      requeueAfterMs: STARTING_MS,
    }
  const why = warning ? `: ${warning.message}` : '; its Events say why'
  return note(runs, 'Waiting', `Job ${job.metadata.name} has no pod${why}`)
}

export const watchStage: RunStep = situation => {
  const { run, runs, observed, now } = situation
  const stage = currentStage(run)
  if (isFinished(run) || stage?.state !== 'Running') return undefined
  const uid = observed.claim?.metadata.uid
  const kept = withRun(runs, uid ? { ...run, workspace: run.workspace ?? uid } : run)
  const job = stageJobOf(observed, run, stage)
  if (job && jobCondition(job, 'FailureTarget')) return asBefore(situation, kept)
  const pod = newestPod(stagePodsOf(observed, run, stage), stage.pod)
  if (!pod) return withoutPod(situation, kept, job, stage.pod)
  const { name, deletionTimestamp } = pod.metadata
  // one that never started is said to be killed as it is removed
  if (deletionTimestamp && namedBefore(situation)) return asBefore(situation, kept)
  if (wasInterrupted(pod))
    return note(kept, 'Retrying', `pod ${name} was stopped; its work goes on`)
  const failure = attemptFailure(pod, stage.name)
  if (failure) return note(kept, 'Retrying', failure.message)
  const obstacle = podObstacle(pod, observed.warnings[pod.metadata.uid ?? ''], now)
  const wait = isStarting(pod) ? { requeueAfterMs: STARTING_MS } : {}
  if (!obstacle)
    return {
      ...(isPulledAgain(situation, pod) ? asBefore(situation, kept) : { runs: kept }),
      ...wait,
    }
  const said = { reason: obstacle.reason, message: `pod ${name}: ${obstacle.message}` }
  return { ...hindrance(situation, kept, said), ...wait }
}
