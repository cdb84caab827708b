/** Runs and stages of a status as values: look-ups, and copies with one thing changed. */
import type { Phase } from '@attune/crds/conditions.ts'
import type { RunStatus, StageStatus } from '@attune/crds/instruction-tuning-job-status.ts'
import { STAGES, type Stage } from '@attune/crds/stage.ts'

export const PHASE_OF_STAGE: Readonly<Record<Stage, Phase>> = {
  prepare: 'Preparing',
  train: 'Training',
  evaluate: 'Evaluating',
  publish: 'Publishing',
}

const ENDED: readonly string[] = ['Succeeded', 'Failed', 'Superseded']
export const isFinished = (run: RunStatus) => ENDED.includes(run.phase)

/** Its output lies in the workspace, made by this run or by an earlier one. */
export const isDone = (stage: StageStatus) =>
  stage.state === 'Succeeded' || stage.state === 'Skipped'

export const newRun = (number: number, specHash: string, startedAt: string): RunStatus => ({
  number,
  specHash,
  phase: 'Pending',
  stages: STAGES.map(name => ({ name, state: 'Pending' as const })),
  startedAt,
})

export const stageOf = (run: RunStatus, name: Stage): StageStatus =>
  run.stages.find(stage => stage.name === name) ?? { name, state: 'Pending' }

/** The first stage that is not done; undefined once all are. */
export const currentStage = (run: RunStatus): StageStatus | undefined =>
  STAGES.map(name => stageOf(run, name)).find(stage => !isDone(stage))

export const withStage = (
  run: RunStatus,
  name: Stage,
  change: Partial<Omit<StageStatus, 'name'>>,
): RunStatus => ({
  ...run,
  stages: run.stages.map(stage => (stage.name === name ? { ...stage, ...change } : stage)),
})

/** All runs with the last one replaced. */
export const withRun = (runs: readonly RunStatus[], run: RunStatus): readonly RunStatus[] => [
  ...runs.slice(0, -1),
  run,
]
