/** No stage starts that a TuningPolicy does not allow, however the job came to be; one that runs is not stopped. */
import type { RunStatus, StageStatus } from '@attune/crds/instruction-tuning-job-status.ts'
import { contentViolations, datasetUris, violations } from '../../policy/violations.ts'
import { policyViolated } from '../events.ts'
import { waitsInQueue } from '../queue/waits-in-queue.ts'
import { removal } from '../removal.ts'
import { currentStage, isFinished, withRun, withStage } from '../run.ts'
import type { RunStep, Situation } from '../situation.ts'
import { stageJobOf } from '../track.ts'

const MESSAGE_MAX = 1024

/** What has run already goes on from its checkpoint. */
const outOfQueue = (run: RunStatus, stage: StageStatus): RunStatus => ({
  ...withStage(run, stage.name, { state: stage.attempts ? 'Stopped' : 'Pending' }),
  phase: 'Pending',
})

/** A content may be older than the policy, and its dataset edited since: the run knows what it keeps. */
const contentOf = ({ spec, observed: { dataset } }: Situation, run: RunStatus) => {
  const name = spec.dataset.ref?.name
  if (name === undefined) return undefined
  const sources = run.content?.sources ?? (dataset?.spec && datasetUris(dataset.spec))
  return sources && { dataset: name, sources }
}

export const holdForPolicy: RunStep = situation => {
  const { spec, run, runs, observed } = situation
  const stage = currentStage(run)
  if (isFinished(run) || !stage) return undefined
  const own = stageJobOf(observed, run, stage)
  const queued = own && waitsInQueue(own, observed.pods)
  if (stage.state === 'Running' && own && !own.metadata.deletionTimestamp && !queued)
    return undefined
  const content = contentOf(situation, run)
  const broken = observed.policies.flatMap(policy => [
    ...violations(spec, policy),
    ...(content ? contentViolations(content, policy) : []),
  ])
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
