/** No stage starts that a TuningPolicy does not allow, however the job came to be; one that runs is not stopped. */
import { violations } from '../../policy/violations.ts'
import { policyViolated } from '../events.ts'
import { currentStage, isFinished } from '../run.ts'
import type { RunStep } from '../situation.ts'
import { stageJobOf } from '../track.ts'

const MESSAGE_MAX = 1024

export const holdForPolicy: RunStep = ({ spec, run, runs, observed }) => {
  const stage = currentStage(run)
  if (isFinished(run) || !stage) return undefined
  const own = stageJobOf(observed, run, stage)
  if (stage.state === 'Running' && own && !own.metadata.deletionTimestamp) return undefined
  const broken = observed.policies.flatMap(policy => violations(spec, policy))
  if (broken.length === 0) return undefined
  const message = broken.join('; ').slice(0, MESSAGE_MAX)
  const isKnown = observed.job.status?.conditions?.some(
    ({ type, reason }) => type === 'Stalled' && reason === 'PolicyViolation',
  )
  return {
    runs,
    note: { reason: 'PolicyViolation', message, stalled: true },
    events: isKnown ? [] : [policyViolated(run.number, message)],
  }
}
