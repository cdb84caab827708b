/** A stage's Job ended: its result goes into the run, and the run goes on or fails. */
import type { RunStatus, StageStatus } from '@attune/crds/instruction-tuning-job-status.ts'
import type { ResolvedSpec } from '@attune/crds/resolved-spec.ts'
import type { Artifact, StageResult } from '@attune/crds/stage.ts'
import { microBatchHalved, outOfMemory, retrying, stageFinished } from '../events.ts'
import type { Pod, StageJob } from '../kinds.ts'
import { obstacleBefore } from '../obstacle.ts'
import { publishedTo } from '../output-claim.ts'
import { planWarning } from '../plan-warning.ts'
import {
  BEHIND_MS,
  hasEnded,
  jobCondition,
  newestPod,
  podsMayFollow,
  terminated,
} from '../pod-state.ts'
import { trainedStatus } from '../progress.ts'
import { wasCutOff } from '../queue/cut-off.ts'
import { removal } from '../removal.ts'
import { endedByPolicy, type Retry, retriesBefore, retryAfterKill } from '../retry-after-kill.ts'
import { currentStage, isFinished, withRun, withStage } from '../run.ts'
import type { RunStep, Situation, StepResult } from '../situation.ts'
import { attemptFailure, isOverdue, stageFailure } from '../stage-failure.ts'
import { readStageResult } from '../stage-result.ts'
import { rfc3339Seconds } from '../../kube/conditions.ts'
import { stageJobOf, stagePodsOf } from '../track.ts'
import { failRun, gateFailure, succeedRun } from './end-run.ts'

type Ended = {
  readonly situation: Situation
  readonly run: RunStatus
  readonly stage: StageStatus
  readonly job: StageJob
  readonly pods: readonly Pod[]
}

/** Where the message of a pod would be too long, artifacts come without what they have in common. */
const placed = ({ uri, ...artifact }: Artifact, output: string): Artifact => ({
  uri: uri.includes('://') ? uri : `${output.replace(/\/+$/, '')}/${uri}`,
  ...artifact,
})

const withResult = (
  run: RunStatus,
  result: StageResult,
  { output }: Pick<ResolvedSpec, 'output'>,
): RunStatus => {
  const { dataset, plan, training, evaluation, artifacts } = result
  const { slices: _slices, ...figures } = evaluation ?? {}
  return {
    ...run,
    ...(dataset ? { dataset } : {}),
    ...(plan ? { plan } : {}),
    ...(training ? { training: trainedStatus(run.training, training) } : {}),
    ...(evaluation
      ? { evaluation: figures as NonNullable<RunStatus['evaluation']>, score: evaluation.score }
      : {}),
    ...(artifacts ? { artifacts: artifacts.map(each => placed(each, output.uri)) } : {}),
  }
}

const succeeded = ({ situation, run, stage, pods }: Ended, result: StageResult): StepResult => {
  const { now, runs, observed } = situation
  const wroteTo =
    stage.name === 'publish' ? publishedTo(observed.outputClaim, newestPod(pods, stage.pod)) : {}
  const ended = withStage({ ...withResult(run, result, situation.spec), ...wroteTo }, stage.name, {
    state: 'Succeeded',
    seconds: result.seconds,
    finishedAt: rfc3339Seconds(now),
    ...(result.digest ? { digest: result.digest } : {}),
  })
  const gates = stage.name === 'evaluate' ? gateFailure(ended, situation.spec) : undefined
  const next = gates
    ? failRun(situation, ended, gates)
    : stage.name === 'publish'
      ? succeedRun(situation, ended)
      : { runs: withRun(runs, ended), goesOn: true as const }
  return {
    ...next,
    events: [
      stageFinished(run.number, stage.name, result.seconds),
      ...(stage.name === 'prepare' ? planWarning(ended, situation.spec) : []),
      ...(next.events ?? []),
    ],
    ...(result.evaluation?.slices ? { slices: result.evaluation.slices } : {}),
  }
}

const failed = ({ situation, run, stage }: Ended, failure: Parameters<typeof failRun>[2]) => {
  const finishedAt = rfc3339Seconds(situation.now)
  return failRun(situation, withStage(run, stage.name, { state: 'Failed', finishedAt }), failure)
}

/**
 * The pod was removed before its result was read. What it made lies in the workspace, so a repeat is short:
 * without its Job the stage is started again.
 */
const repeat = (ended: Ended): StepResult => {
  const { situation, stage, job } = ended
  const reason = 'RetriesExhausted'
  const message = `the pods of stage ${stage.name} were removed before their result was read`
  return (stage.attempts ?? 0) > situation.spec.retry.limit
    ? failed(ended, { reason, message })
    : {
        runs: situation.runs,
        remove: [removal('Job', job)],
        note: { reason: 'Retrying', message },
      }
}

/** Of a Job that has ended and whose pods are not known. */
const withoutPods = (ended: Ended): StepResult => {
  const { runs, now } = ended.situation
  return podsMayFollow(ended.job, now) ? { runs, requeueAfterMs: BEHIND_MS } : repeat(ended)
}

/** Nothing may be published on the word of an evaluation that does not say how its gates stand. */
const isWhole = ({ stage, digest, evaluation }: StageResult, spec: ResolvedSpec): boolean => {
  if (stage === 'publish') return true
  if (stage === 'evaluate' && !evaluation && spec.evaluation.gates.length > 0) return false
  return digest !== undefined && digest !== ''
}

const completed = (ended: Ended): StepResult | undefined => {
  const { pods, stage } = ended
  if (pods.length === 0) return withoutPods(ended)
  const pod = newestPod(
    pods.filter(candidate => terminated(candidate)?.exitCode === 0),
    stage.pod,
  )
  // the cache of pods is behind that of Jobs
  if (!pod) return pods.every(hasEnded) ? repeat(ended) : undefined
  const result = readStageResult(terminated(pod)?.message, stage.name)
  if (result?.outcome === 'Succeeded' && isWhole(result, ended.situation.spec))
    return succeeded(ended, result)
  const message = `stage ${stage.name} ended with exit code 0 and left no result that can be read; is the trainer image of another version?`
  return failed(ended, { reason: 'StageFailed', message })
}

const whyKilled = ({ stage, pods }: Ended) => {
  const pod = newestPod(pods, stage.pod)
  return (pod && attemptFailure(pod, stage.name)?.message) ?? `stage ${stage.name} was killed`
}

/** The Job is removed by the next look: a kill that status does not know of would be forgotten with it. */
const counted = (ended: Ended, retry: Retry): StepResult => {
  const { situation, run, stage } = ended
  const attempt = (stage.attempts ?? 0) + 1
  const message = whyKilled(ended)
  const forMemory = retry.memoryKills > (stage.memoryKills ?? 0)
  return {
    runs: withRun(situation.runs, withStage(run, stage.name, retry)),
    events: [
      ...(forMemory ? [outOfMemory(message), microBatchHalved(run.number, attempt)] : []),
      retrying(stage.name, attempt, message),
    ],
    note: { reason: 'Retrying', message },
  }
}

const gaveUp = (ended: Ended): StepResult | undefined => {
  const { situation, stage, job, pods } = ended
  const { runs, spec } = situation
  if (wasCutOff(job, newestPod(pods, stage.pod))) {
    const message = `the pod of stage ${stage.name} was killed before it had saved its checkpoint`
    const remove = job.metadata.deletionTimestamp ? [] : [removal('Job', job)]
    return { runs, remove, note: { reason: 'Retrying', message } }
  }
  if (retriesBefore(job) < (stage.retries ?? 0)) {
    const note = { reason: 'Retrying' as const, message: whyKilled(ended) }
    const remove = job.metadata.deletionTimestamp ? [] : [removal('Job', job)]
    return { runs, remove, note }
  }
  if (endedByPolicy(job) && pods.length === 0) return withoutPods(ended)
  const pod = newestPod(pods, stage.pod)
  // the cache of pods is behind that of Jobs: without this pod's end no Job gives up before its deadline
  if (pod && !hasEnded(pod) && !isOverdue(job)) return undefined
  const end = pod && terminated(pod)
  const retry = retryAfterKill({ stage, job, end, limit: spec.retry.limit })
  if (retry) return counted(ended, retry)
  const waited = obstacleBefore(situation.observed.job)?.message
  return failed(ended, stageFailure(job, stage.name, pod, waited))
}

export const finishStage: RunStep = situation => {
  const { run, observed } = situation
  const stage = currentStage(run)
  if (isFinished(run) || stage?.state !== 'Running') return undefined
  const job = stageJobOf(observed, run, stage)
  if (!job) return undefined
  const pods = stagePodsOf(observed, run, stage)
  const ended = { situation, run, stage, job, pods }
  if (jobCondition(job, 'Complete')) return completed(ended)
  return jobCondition(job, 'Failed') ? gaveUp(ended) : undefined
}
