/** The steps of a job in their order, and how far one look takes a run. */
import type { RunStatus } from '@attune/crds/instruction-tuning-job-status.ts'
import type { RunStep, Situation, Step, StepResult } from './situation.ts'
import { awaitDataset } from './steps/await-dataset.ts'
import { chooseModel } from './steps/choose-model.ts'
import { expire } from './steps/expire.ts'
import { finishStage } from './steps/finish-stage.ts'
import { holdForPolicy } from './steps/hold-for-policy.ts'
import { keepPins } from './steps/keep-pins.ts'
import { keepUnpublished } from './steps/keep-unpublished.ts'
import { recoverWorkspace } from './steps/recover-workspace.ts'
import { rejectInvalidSpec } from './steps/reject-invalid-spec.ts'
import { retryPublish } from './steps/retry-publish.ts'
import { reusePublished } from './steps/reuse-run.ts'
import { runStage } from './steps/run-stage.ts'
import { skipStage } from './steps/skip-stage.ts'
import { startRun } from './steps/start-run.ts'
import { suspend } from './steps/suspend.ts'
import { tellLostNode } from './steps/tell-lost-node.ts'
import { waitInQueue } from './steps/wait-in-queue.ts'
import { watchStage } from './steps/watch-stage.ts'

const ofRun =
  (step: RunStep): Step =>
  situation =>
    situation.run ? step({ ...situation, run: situation.run }) : undefined

/** The first that applies decides. */
const STEPS: readonly Step[] = [
  startRun,
  ...[
    retryPublish,
    rejectInvalidSpec,
    recoverWorkspace,
    finishStage,
    reusePublished,
    tellLostNode(suspend),
    keepPins,
    chooseModel,
    holdForPolicy,
    // what lies in the workspace needs no dataset any more
    skipStage,
    awaitDataset,
    keepUnpublished,
    tellLostNode(runStage),
    tellLostNode(waitInQueue),
    tellLostNode(watchStage),
    expire,
  ].map(ofRun),
  ({ runs }) => ({ runs }),
]

const firstResult = (situation: Situation): StepResult => {
  for (const step of STEPS) {
    const result = step(situation)
    if (result) return result
  }
  return { runs: situation.runs }
}

/** Steps of one look that follow each other; a spec cannot lead to more. */
const MOVES_MAX = 16

const joined = (first: StepResult | undefined, next: StepResult): StepResult => ({
  ...first,
  ...next,
  apply: [...(first?.apply ?? []), ...(next.apply ?? [])],
  remove: [...(first?.remove ?? []), ...(next.remove ?? [])],
  events: [...(first?.events ?? []), ...(next.events ?? [])],
})

type Course = {
  /** what stands although the API server refuses what the last step makes */
  readonly before: StepResult
  readonly result: StepResult
}

/** The end of a stage and the start of the next are one write of status. */
export const advance = (
  situationOf: (runs: readonly RunStatus[]) => Situation,
  runs: readonly RunStatus[],
): Course => {
  let before: StepResult = { runs }
  let result = joined(before, firstResult(situationOf(runs)))
  for (let moves = 1; result.goesOn && moves < MOVES_MAX; moves += 1) {
    const { goesOn: _, ...done } = result
    before = done
    result = joined(before, firstResult(situationOf(before.runs)))
  }
  return { before, result }
}
