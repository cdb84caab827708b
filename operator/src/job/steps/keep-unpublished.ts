/** With `spec.output.publish: false` a run ends with its evaluation; its results stay in the workspace. */
import { notPublished } from '../events.ts'
import { currentStage, isFinished, withStage } from '../run.ts'
import type { RunStep } from '../situation.ts'
import { succeedRun } from './end-run.ts'

export const keepUnpublished: RunStep = situation => {
  const { run, spec } = situation
  const stage = currentStage(run)
  if (spec.output.publish !== false || isFinished(run)) return undefined
  if (stage?.name !== 'publish' || stage.state !== 'Pending') return undefined
  const ended = withStage(run, 'publish', { state: 'Skipped' })
  return {
    ...succeedRun(situation, { ...ended, reason: 'NotPublished' }),
    events: [notPublished(run.number)],
  }
}
