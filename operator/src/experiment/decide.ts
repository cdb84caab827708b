/** What to do about an experiment: pure, and the same for the same caches and the same moment. */
import { canonicalJson } from '@attune/crds/canonical-json.ts'
import type { Validation } from '@attune/crds/instruction-tuning-job-status.ts'
import type { RefusedTrial, TuningExperimentStatus } from '@attune/crds/tuning-experiment-status.ts'
import { rfc3339Seconds } from '../kube/conditions.ts'
import { heldMs } from '../kube/status-pace.ts'
import { type Advance, advance } from './advance.ts'
import { type Experiment, isAtWork } from './at-work.ts'
import { crowdedOut } from './crowd.ts'
import { experimentConditions } from './experiment-conditions.ts'
import { hopeless } from './median-stopping.ts'
import { trialName } from './names.ts'
import { type Outcome, outcomeOf } from './outcome.ts'
import type { Decision, NewTrial, Note, Observed, Patch } from './situation.ts'
import { isMade, isWaiting, type MadeTrial, readTrial, type Trial } from './trial.ts'
import { phaseEvents, promoted, started, trialEvents } from './trial-events.ts'
import { expiry, promotion, publication, retirement, stop, suspension } from './trial-patches.ts'
import { startable } from './start-order.ts'
import { trialManifest } from './trial-manifest.ts'
import { tableOf } from './trial-table.ts'

type Losses = ReadonlyMap<number, readonly Validation[]>

const NOTHING: Decision = Object.freeze({ create: [], patch: [], events: [] })

/** Refused for good. Somebody who changes an experiment that failed wants them tried again. */
const refusedBefore = ({ metadata, status }: Experiment): readonly RefusedTrial[] =>
  status?.phase === 'Failed' && status.observedGeneration !== metadata.generation
    ? []
    : (status?.refused ?? [])

const readTrials = (
  experiment: Experiment,
  { jobs, search }: Pick<Observed, 'jobs' | 'search'>,
): readonly Trial[] => {
  const { metadata, spec } = experiment
  const refused = new Map(refusedBefore(experiment).map(({ trial, message }) => [trial, message]))
  const byName = new Map(jobs.map(job => [job.metadata.name, job]))
  return search.assignments.map((assignment, index) => {
    const name = trialName(metadata.name, index + 1)
    const number = index + 1
    const planned = { number, name, assignment }
    return readTrial(planned, byName.get(name), spec, refused.get(number))
  })
}

/** Left behind by its rung: ended, although its job says that it succeeded. */
const withDropped = (trials: readonly Trial[], { dropped }: Advance): readonly Trial[] =>
  trials.map(trial => {
    const message = dropped.get(trial.number)
    return message === undefined
      ? trial
      : { ...trial, phase: 'Stopped', message, scoredRung: trial.rung }
  })

const lossesOf = ({ spec }: Experiment, trials: readonly Trial[]): Losses =>
  spec.earlyStopping
    ? new Map(
        trials.map(
          ({ number, job }) => [number, job?.status?.training?.validations ?? []] as const,
        ),
      )
    : new Map()

const stops = (
  { spec: { earlyStopping } }: Experiment,
  trials: readonly MadeTrial[],
  losses: Losses,
): readonly Patch[] => {
  if (!earlyStopping) return []
  const seen = ({ number }: MadeTrial) => losses.get(number) ?? []
  const succeeded = trials.filter(({ phase }) => phase === 'Succeeded').map(seen)
  return trials
    .filter(({ phase }) => phase === 'Running')
    .flatMap(trial => {
      const because = hopeless(seen(trial), succeeded, earlyStopping)
      return because === undefined ? [] : [stop(trial, because)]
    })
}

type Moves = Pick<Decision, 'create' | 'patch' | 'events'>

/** As many as may run at once: those of a higher rung first. */
const nextTrials = (
  experiment: Experiment,
  trials: readonly Trial[],
  { promote }: Advance,
): Moves => {
  const { spec } = experiment
  const active = trials.filter(({ isActive }) => isActive).length
  const slots = Math.max(0, spec.parallelTrials - active)
  const onward = promote.slice(0, slots)
  const fresh = startable(trials, trials.filter(isWaiting), spec)
    .slice(0, slots - onward.length)
    .map(
      ({ number, name, assignment }): NewTrial => ({
        trial: number,
        manifest: trialManifest(experiment, number, assignment),
        started: started(name, assignment),
      }),
    )
  return {
    create: fresh,
    patch: onward.map(trial => promotion(trial, spec)),
    events: [
      ...onward.map(({ name, rung }) => promoted(name, rung + 1)),
      ...fresh.map(trial => trial.started),
    ],
  }
}

const moves = (
  experiment: Experiment,
  trials: readonly Trial[],
  onward: Advance,
  { phase, publish }: Outcome,
  losses: Losses,
): Moves => {
  const { spec } = experiment
  const made = trials.filter(isMade)
  if (phase === 'Succeeded' || phase === 'Failed') {
    const expired = made.flatMap(trial => expiry(trial, spec))
    const retired = phase === 'Succeeded' ? made.flatMap(retirement) : []
    return { create: [], patch: [...expired, ...retired], events: [] }
  }
  const crowded = crowdedOut(made, spec)
  const patch = [
    ...made.flatMap(trial => suspension(trial, spec, crowded)),
    ...stops(experiment, made, losses),
    ...(publish ? [publication(publish, spec)] : []),
  ]
  if (spec.suspend || phase === 'Publishing') return { create: [], patch, events: [] }
  const next = nextTrials(experiment, trials, onward)
  return { ...next, patch: [...patch, ...next.patch] }
}

const statusOf = (
  { metadata, status }: Experiment,
  { phase, note }: Pick<Outcome, 'phase' | 'note'>,
  table: Partial<TuningExperimentStatus>,
  now: number,
): TuningExperimentStatus => {
  const generation = metadata.generation ?? 0
  const hasEnded = phase === 'Succeeded' || phase === 'Failed'
  return {
    phase,
    observedGeneration: generation,
    conditions: experimentConditions(phase, note, status?.conditions, { generation, now }),
    ...table,
    startedAt: status?.startedAt ?? rfc3339Seconds(now),
    ...(hasEnded ? { finishedAt: status?.finishedAt ?? rfc3339Seconds(now) } : {}),
  }
}

/** Events of what status tells come with its write, or they would come with every look until then. */
const decision = (
  { experiment: { status }, holdMs }: Observed,
  next: TuningExperimentStatus,
  done: Moves,
): Decision => {
  if (canonicalJson(next) === canonicalJson(status ?? null)) return done
  const requeueAfterMs = heldMs(status, next, holdMs)
  if (requeueAfterMs > 0) return { ...done, requeueAfterMs }
  const events = [...trialEvents(status, next), ...done.events, ...phaseEvents(status, next)]
  return { ...done, status: next, events }
}

export const decide = (observed: Observed, now: number): Decision => {
  const { experiment, search } = observed
  if (!isAtWork(experiment)) return NOTHING
  const { spec } = experiment
  const { problem } = search
  if (problem !== undefined) {
    const note: Note = { reason: 'InvalidSpec', message: problem }
    return decision(observed, statusOf(experiment, { phase: 'Failed', note }, {}, now), NOTHING)
  }
  const read = readTrials(experiment, observed)
  const onward = advance(read, spec)
  const trials = withDropped(read, onward)
  const losses = lossesOf(experiment, trials)
  const outcome = outcomeOf(trials, spec, onward)
  const refused = refusedBefore(experiment)
  const table = {
    ...tableOf(trials, spec, losses),
    ...(refused.length > 0 ? { refused: [...refused] } : {}),
  }
  const next = statusOf(experiment, outcome, table, now)
  const done = moves(experiment, trials, onward, outcome, losses)
  return decision(observed, next, done)
}
