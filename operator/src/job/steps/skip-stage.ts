/** A stage whose inputs an earlier run had too is not run again: its output lies in the workspace. */
import type { RunStatus } from '@attune/crds/instruction-tuning-job-status.ts'
import type { Stage } from '@attune/crds/stage.ts'
import { stageSkipped } from '../events.ts'
import { planWarning } from '../plan-warning.ts'
import { currentStage, isDone, isFinished, stageOf, withRun, withStage } from '../run.ts'
import type { RunStep } from '../situation.ts'
import { stageKey } from '../stage-key.ts'
import { rfc3339Seconds } from '../../kube/conditions.ts'
import { failRun, gateFailure } from './end-run.ts'

/** What status says of a stage's output, taken over with it. */
const figures = (stage: Stage, { dataset, plan, training, evaluation, score }: RunStatus) => {
  switch (stage) {
    case 'prepare':
      return { ...(dataset ? { dataset } : {}), ...(plan ? { plan } : {}) }
    case 'train':
      return { ...(training ? { training } : {}) }
    case 'evaluate':
      return { ...(evaluation ? { evaluation } : {}), ...(score === undefined ? {} : { score }) }
    case 'publish':
      return {}
  }
}

export const skipStage: RunStep = situation => {
  const { run, runs, observed, spec, now } = situation
  const stage = currentStage(run)
  const { claim } = observed
  if (isFinished(run) || stage?.state !== 'Pending' || stage.name === 'publish') return undefined
  if (!claim?.metadata.uid || claim.metadata.deletionTimestamp) return undefined
  const key = stageKey(spec, run, stage.name)
  const donor = runs.slice(0, -1).findLast(earlier => {
    const theirs = stageOf(earlier, stage.name)
    return earlier.workspace === claim.metadata.uid && isDone(theirs) && theirs.key === key
  })
  if (!donor) return undefined
  const { digest = '' } = stageOf(donor, stage.name)
  const skipped = withStage(
    { ...run, ...figures(stage.name, donor), workspace: claim.metadata.uid },
    stage.name,
    { state: 'Skipped', key, digest, fromRun: donor.number, finishedAt: rfc3339Seconds(now) },
  )
  const events = [
    stageSkipped(run.number, stage.name, donor.number),
    ...(stage.name === 'prepare' ? planWarning(skipped, spec) : []),
  ]
  const gates = stage.name === 'evaluate' ? gateFailure(skipped, spec) : undefined
  if (!gates) return { runs: withRun(runs, skipped), events, goesOn: true }
  const ended = failRun(situation, skipped, gates)
  return { ...ended, events: [...events, ...(ended.events ?? [])] }
}
