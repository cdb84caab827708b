/** A new spec is a new run; one that is going on is stopped, its checkpoint stays. */
import type { RunStatus } from '@attune/crds/instruction-tuning-job-status.ts'
import { accepted, runStarted, superseded } from '../events.ts'
import { currentStage, isFinished, newRun, withStage } from '../run.ts'
import type { Step } from '../situation.ts'
import { rfc3339Seconds } from '../../kube/conditions.ts'
import { publishRetryAsked } from './retry-publish.ts'

const supersede = (run: RunStatus, now: number): RunStatus => {
  const stage = currentStage(run)
  const stopped =
    stage?.state === 'Running' ? withStage(run, stage.name, { state: 'Stopped' }) : run
  return { ...stopped, phase: 'Superseded', finishedAt: rfc3339Seconds(now) }
}

export const startRun: Step = ({ observed, run, runs, specHash, now }) => {
  const { metadata, status } = observed.job
  if (run?.specHash === specHash) return undefined
  // a default added to the schema changes the hash of a spec that nobody edited
  if (run && metadata.generation === status?.observedGeneration) return undefined
  const number = Math.max(run?.number ?? 0, status?.run ?? 0) + 1
  const unfinished = run !== undefined && !isFinished(run)
  // a value that was there before the run was not meant for it
  const publishRetry = publishRetryAsked(observed.job)
  const next: RunStatus = {
    ...newRun(number, specHash, rfc3339Seconds(now)),
    ...(publishRetry === undefined ? {} : { publishRetry }),
  }
  const earlier = unfinished ? [...runs.slice(0, -1), supersede(run, now)] : runs
  return {
    runs: [...earlier, next],
    events: [
      ...(unfinished ? [superseded(run.number)] : []),
      number === 1 ? accepted() : runStarted(number),
    ],
  }
}
