/** No stage starts that a TuningPolicy does not allow, however the job came to be; one that runs is not stopped. */
import type { RunStatus, StageStatus } from '@attune/crds/instruction-tuning-job-status.ts'
import { policyViolated } from '../events.ts'
import { waitsInQueue } from '../queue/waits-in-queue.ts'
import { removal } from '../removal.ts'
import { currentStage, isFinished, withRun, withStage } from '../run.ts'
import { runViolations } from '../run-violations.ts'
import type { RunStep } from '../situation.ts'
import { stageJobOf } from '../track.ts'

const MESSAGE_MAX = 1024

/** What has run already goes on from its checkpoint. */
const outOfQueue = (run: RunStatus, stage: StageStatus): RunStatus => ({
  ...withStage(run, stage.name, { state: stage.attempts ? 'Stopped' : 'Pending' }),
  phase: 'Pending',
})

export const holdForPolicy: RunStep = situation => {
  const { spec, run, runs, observed } = situation
  const stage = currentStage(run)
  if (isFinished(run) || !stage) return undefined
  const own = stageJobOf(observed, run, stage)
  const queued = own && waitsInQueue(own, observed.pods)
  if (stage.state === 'Running' && own && !own.metadata.deletionTimestamp && !queued)
    return undefined
  const { policies, dataset } = observed
  const broken = policies.flatMap(policy => runViolations({ spec, run, dataset }, policy))
  if (broken.length === 0) return undefined
  const message = broken.join('; ').slice(0, MESSAGE_MAX)
  const isKnown = observed.job.status?.conditions?.some(
    ({ type, reason }) => type === 'Stalled' && reason === 'PolicyViolation',
  )
  return {
    // Kueue knows no TuningPolicy and would set the Job going
    ...(queued
      ? { runs: withRun(runs, outOfQueue(run, stage)), remove: [removal('Job', own)] }
      : { runs }),
    note: { reason: 'PolicyViolation', message, stalled: true },
    events: isKnown ? [] : [policyViolated(run.number, message)],
  }
}
