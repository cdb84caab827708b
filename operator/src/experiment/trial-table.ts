/** The table of trials in status, bounded, and what is counted over all of them. */
import {
  type BestTrial,
  TRIAL_ROWS_MAX,
  type TrialStatus,
  type TuningExperimentStatus,
} from '@attune/crds/tuning-experiment-status.ts'
import type { Validation } from '@attune/crds/instruction-tuning-job-status.ts'
import { trimMessage } from '../kube/conditions.ts'
import type { ExperimentSpec } from './kinds.ts'
import { bestOf, ranked, shownScore } from './rank.ts'
import type { Assignment } from '@attune/crds/experiment/search-space.ts'
import { isWaiting, type Trial } from './trial.ts'

const MESSAGE_MAX = 512
const VALUE_MAX = 2048

const parametersOf = (assignment: Assignment): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(assignment).map(([path, value]) => [
      path,
      (JSON.stringify(value) ?? '').slice(0, VALUE_MAX),
    ]),
  )

const row = (
  trial: Trial,
  spec: ExperimentSpec,
  validations: readonly Validation[],
): TrialStatus => ({
  trial: trial.number,
  job: trial.name,
  phase: trial.phase,
  parameters: parametersOf(trial.assignment),
  ...(trial.score === undefined ? {} : { score: shownScore(trial.score) }),
  ...(spec.strategy.type === 'SuccessiveHalving' ? { rung: trial.rung } : {}),
  ...(trial.message === undefined ? {} : { message: trimMessage(trial.message, MESSAGE_MAX) }),
  ...(validations.length > 0 ? { validations: [...validations] } : {}),
})

/** Those that run, then the best, then the rest; a table of them in their order. */
const shown = (trials: readonly Trial[], spec: ExperimentSpec): readonly Trial[] => {
  if (trials.length <= TRIAL_ROWS_MAX) return trials
  const running = trials.filter(({ isActive }) => isActive)
  const best = ranked(trials, spec.objective.goal)
  const ordered = [...new Set([...running, ...best, ...trials].map(({ number }) => number))]
  const kept = new Set(ordered.slice(0, TRIAL_ROWS_MAX))
  return trials.filter(({ number }) => kept.has(number))
}

const ENDED = ['Succeeded', 'Failed', 'Stopped'] as const

const countsOf = (trials: readonly Trial[]) => {
  const made = trials.filter(trial => !isWaiting(trial))
  const [succeeded = 0, failed = 0, stopped = 0] = ENDED.map(
    phase => made.filter(trial => trial.phase === phase).length,
  )
  const ended = succeeded + failed + stopped
  return {
    progress: `${ended}/${trials.length}`,
    counts: {
      total: trials.length,
      waiting: trials.length - made.length,
      running: made.length - ended,
      succeeded,
      failed,
      stopped,
    },
  }
}

const best = (trial: Trial & { readonly score: number }): BestTrial => {
  const artifacts = trial.job?.status?.artifacts?.map(({ uri }) => uri) ?? []
  return {
    trial: trial.number,
    job: trial.name,
    score: shownScore(trial.score),
    parameters: parametersOf(trial.assignment),
    ...(artifacts.length > 0 ? { artifacts } : {}),
  }
}

type Table = Pick<
  TuningExperimentStatus,
  'progress' | 'counts' | 'best' | 'trials' | 'trialsLeftOut'
>

/** @param validations losses seen of each trial, by its number */
export const tableOf = (
  trials: readonly Trial[],
  spec: ExperimentSpec,
  validations: ReadonlyMap<number, readonly Validation[]>,
): Table => {
  const made = trials.filter(trial => !isWaiting(trial))
  const rows = shown(made, spec)
  const first = bestOf(trials, spec.objective.goal)
  return {
    ...countsOf(trials),
    ...(first ? { best: best(first) } : {}),
    trials: rows.map(trial => row(trial, spec, validations.get(trial.number) ?? [])),
    ...(rows.length < made.length ? { trialsLeftOut: made.length - rows.length } : {}),
  }
}
