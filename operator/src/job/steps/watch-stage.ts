/** A stage runs: say what its pod waits for, or that it is tried again. */
import type { Reason } from '@attune/crds/conditions.ts'
import { newestPod, waitingFor } from '../pod-state.ts'
import { currentStage, isFinished, withRun } from '../run.ts'
import type { RunStep } from '../situation.ts'
import { attemptFailure, wasInterrupted } from '../stage-failure.ts'
import { stageJobOf, stagePodsOf } from '../track.ts'

const MESSAGE_MAX = 1024
const NO_POD_MS = 30_000

export const watchStage: RunStep = ({ run, runs, observed, now }) => {
  const stage = currentStage(run)
  if (isFinished(run) || stage?.state !== 'Running') return undefined
  const uid = observed.claim?.metadata.uid
  const kept = withRun(runs, uid ? { ...run, workspace: run.workspace ?? uid } : run)
  const note = (reason: Reason, message: string) => ({
    runs: kept,
    note: { reason, message: message.slice(0, MESSAGE_MAX) },
  })
  const pod = newestPod(stagePodsOf(observed, run, stage), stage.pod)
  if (!pod) {
    const job = stageJobOf(observed, run, stage)
    const age = now - Date.parse(job?.metadata.creationTimestamp ?? '')
    // the Job controller tells why it makes none, e.g. for a quota, in Events of the Job only
    return age >= NO_POD_MS
      ? note('Waiting', `Job ${job?.metadata.name} has no pod; its Events say why`)
      : { runs: kept, requeueAfterMs: NO_POD_MS }
  }
  if (wasInterrupted(pod))
    return note('Retrying', `pod ${pod.metadata.name} was stopped; its work goes on`)
  const failure = attemptFailure(pod, stage.name)
  if (failure) return note('Retrying', failure.message)
  const waiting = waitingFor(pod)
  return waiting ? note('Waiting', `pod ${pod.metadata.name}: ${waiting}`) : { runs: kept }
}
