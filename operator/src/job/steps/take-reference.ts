/** A run keeps what a reference of its spec stands for; once all are known, so is what an earlier run published of it. */
import type { RunStatus } from '@attune/crds/instruction-tuning-job-status.ts'
import { withRun } from '../run.ts'
import type { RunStep, StepResult } from '../situation.ts'
import { reusable, reuseEvent } from './reuse-run.ts'

type Taken = Pick<RunStatus, 'model' | 'content'>

/** That the artifacts of an earlier run are lost is told here, once: the step that looks for them looks again. */
export const takeReference = (situation: Parameters<RunStep>[0], taken: Taken): StepResult => {
  const { runs, run } = situation
  const next: RunStatus = { ...run, ...taken }
  const before = reusable(situation, next)
  return {
    runs: withRun(runs, next),
    events: before?.problem === undefined ? [] : [reuseEvent(run.number, before)],
    goesOn: true,
  }
}
