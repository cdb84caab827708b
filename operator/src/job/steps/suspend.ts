/** `spec.suspend` deletes the stage's Job, so that its pod gets SIGTERM and time to save. */
import type { RunStatus } from '@attune/crds/instruction-tuning-job-status.ts'
import { suspended } from '../events.ts'
import { hasEnded, jobHasEnded } from '../pod-state.ts'
import { removal } from '../removal.ts'
import { currentStage, isFinished, withRun } from '../run.ts'
import type { RunStep } from '../situation.ts'

/** Without its pod: the one that comes after resuming is no retry of it. */
const stopped = (run: RunStatus): RunStatus => {
  const current = currentStage(run)
  if (current?.state !== 'Running') return run
  const { pod: _pod, ...stage } = current
  return {
    ...run,
    stages: run.stages.map(other =>
      other.name === stage.name ? { ...stage, state: 'Stopped' as const } : other,
    ),
  }
}

export const suspend: RunStep = ({ spec, run, runs, observed }) => {
  if (!spec.suspend || isFinished(run)) return undefined
  const remove = observed.stageJobs
    .filter(job => !jobHasEnded(job) && job.metadata.deletionTimestamp === undefined)
    .map(job => removal('Job', job))
  const pods = observed.pods.filter(pod => !hasEnded(pod))
  if (remove.length > 0 || pods.length > 0) {
    const names = pods.map(({ metadata }) => metadata.name).join(', ')
    const message = names
      ? `pod ${names} saves its checkpoint and ends`
      : 'the running stage is being stopped'
    return { runs: withRun(runs, stopped(run)), remove, note: { reason: 'Stopping', message } }
  }
  if (run.phase === 'Suspended') return { runs }
  return {
    runs: withRun(runs, { ...stopped(run), phase: 'Suspended' }),
    events: [suspended(run.number)],
  }
}
