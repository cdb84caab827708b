/** Without its volume a run has lost the outputs of its stages and starts from the first. */
import { STAGES } from '@attune/crds/stage.ts'
import { workspaceLost } from '../events.ts'
import { RUN_LABEL } from '../names.ts'
import { removal } from '../removal.ts'
import { isFinished, withRun } from '../run.ts'
import type { RunStep } from '../situation.ts'

export const recoverWorkspace: RunStep = ({ observed, run, runs }) => {
  const { workspace, training: _training, ...rest } = run
  if (isFinished(run) || workspace === undefined || observed.claim?.metadata.uid === workspace)
    return undefined
  // first its Jobs: a result of theirs speaks of a volume that is gone
  const remove = observed.stageJobs
    .filter(({ metadata }) => metadata.labels?.[RUN_LABEL] === String(run.number))
    .map(job => removal('Job', job))
  if (remove.length > 0) {
    const message = 'the workspace volume is gone; the Jobs that used it are removed'
    return { runs, remove, note: { reason: 'WorkspaceLost', message } }
  }
  const stages = STAGES.map(name => ({ name, state: 'Pending' as const }))
  return {
    runs: withRun(runs, { ...rest, phase: 'Pending', stages }),
    events: [workspaceLost(run.number)],
    goesOn: true,
  }
}
