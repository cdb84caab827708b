/** Makes what the next stage needs: workspace, job file and, once no pod of the job is left, its Job. */
import type { RunStatus, StageStatus } from '@attune/crds/instruction-tuning-job-status.ts'
import { resumed, stageStarted } from '../events.ts'
import { ownedBy } from '../../kube/predicates.ts'
import { gracePeriodSeconds } from '../grace-period.ts'
import type { StageJob } from '../kinds.ts'
import { configMapName } from '../names.ts'
import { configMap } from '../objects/config-map.ts'
import { stageJob } from '../objects/stage-job.ts'
import { workspace } from '../objects/workspace.ts'
import { hasEnded, jobHasEnded } from '../pod-state.ts'
import { currentStage, isFinished, PHASE_OF_STAGE, withRun, withStage } from '../run.ts'
import type { Child, JobEvent, Observed, RunStep, Situation } from '../situation.ts'
import { stageKey } from '../stage-key.ts'
import { stageJobOf } from '../track.ts'

/** Two pods must never share a checkpoint folder, nor a job hold two accelerators. */
const inTheWay = (
  { pods, stageJobs, claim }: Observed,
  own: StageJob | undefined,
): string | undefined => {
  const pod = pods.find(candidate => !hasEnded(candidate) && !(own && ownedBy(own, candidate)))
  if (pod) return `waiting for pod ${pod.metadata.name} to end`
  const job = stageJobs.find(
    candidate =>
      candidate.metadata.deletionTimestamp || (candidate !== own && !jobHasEnded(candidate)),
  )
  if (job) return `waiting for Job ${job.metadata.name} to go`
  return claim?.metadata.deletionTimestamp
    ? `waiting for the old volume claim ${claim.metadata.name} to go`
    : undefined
}

const children = (situation: Situation, run: RunStatus, stage: StageStatus): readonly Child[] => {
  const { observed, config } = situation
  const { job, claim, configMaps } = observed
  const name = configMapName(job.metadata.name, run.number)
  const hasFile = configMaps.some(({ metadata }) => metadata.name === name)
  const manifest = stageJob({
    job,
    run: run.number,
    stage: stage.name,
    gracePeriodSeconds: gracePeriodSeconds(run),
    retries: stage.retries ?? 0,
    memoryKills: stage.memoryKills ?? 0,
    config,
  })
  return [
    ...(claim ? [] : [{ kind: 'PersistentVolumeClaim' as const, manifest: workspace(job) }]),
    ...(hasFile ? [] : [{ kind: 'ConfigMap' as const, manifest: configMap(job, run.number) }]),
    { kind: 'Job', manifest },
  ]
}

const startEvents = (run: RunStatus, stage: StageStatus): readonly JobEvent[] => {
  if (run.phase === 'Suspended' || stage.state === 'Stopped')
    return [resumed(run.number, stage.name)]
  return stage.state === 'Pending' ? [stageStarted(run.number, stage.name)] : []
}

export const runStage: RunStep = situation => {
  const { run, runs, observed, spec } = situation
  const stage = currentStage(run)
  if (isFinished(run) || !stage) return undefined
  const own = stageJobOf(observed, run, stage)
  if (stage.state === 'Running' && own && !own.metadata.deletionTimestamp) return undefined
  const obstacle = inTheWay(observed, own)
  if (obstacle) return { runs, note: { reason: 'Waiting', message: obstacle } }
  const uid = observed.claim?.metadata.uid
  const started = withStage(
    {
      ...run,
      phase: spec.queueName ? 'Queued' : PHASE_OF_STAGE[stage.name],
      ...(uid ? { workspace: uid } : {}),
    },
    stage.name,
    { state: 'Running', key: stageKey(spec, run, stage.name) },
  )
  return {
    runs: withRun(runs, started),
    apply: own ? [] : children(situation, run, stage),
    events: startEvents(run, stage),
  }
}
