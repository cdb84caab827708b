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
/** Of a value; the trial's job has all of it. */
const VALUE_MAX = 128
/** Of all rows as JSON: etcd takes 1.5 MiB, with who manages which field beside it. */
const TABLE_BYTES_MAX = 256 * 1024

const parametersOf = (assignment: Assignment): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(assignment).map(([path, value]) => [
      path,
      trimMessage(JSON.stringify(value) ?? '', VALUE_MAX),
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

/** Those that run, then the best, then the rest. */
const byInterest = (trials: readonly Trial[], spec: ExperimentSpec): readonly Trial[] => {
  const running = trials.filter(({ isActive }) => isActive)
  const best = ranked(trials, spec.objective.goal)
  return [...new Map([...running, ...best, ...trials].map(each => [each.number, each])).values()]
}

/** As many as there is room for, in their order. */
const rowsOf = (
  trials: readonly Trial[],
  spec: ExperimentSpec,
  validations: ReadonlyMap<number, readonly Validation[]>,
): readonly TrialStatus[] => {
  const rows: TrialStatus[] = []
  let bytes = 0
  for (const trial of byInterest(trials, spec)) {
    const next = row(trial, spec, validations.get(trial.number) ?? [])
    bytes += Buffer.byteLength(`,${JSON.stringify(next)}`)
    if (rows.length === TRIAL_ROWS_MAX || bytes > TABLE_BYTES_MAX) break
    rows.push(next)
  }
  return rows.toSorted((a, b) => a.trial - b.trial)
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
  const rows = rowsOf(made, spec, validations)
  const first = bestOf(trials, spec.objective.goal)
  return {
    ...countsOf(trials),
    ...(first ? { best: best(first) } : {}),
    trials: [...rows],
    ...(rows.length < made.length ? { trialsLeftOut: made.length - rows.length } : {}),
  }
}
