/** How far an experiment is, once its trials are read. */
import { EXPERIMENT_REASONS, type ExperimentPhase } from '@attune/crds/experiment-conditions.ts'
import type { Advance } from './advance.ts'
import type { ExperimentSpec } from './kinds.ts'
import { shownScore, winnerOf } from './rank.ts'
import type { Note } from './situation.ts'
import { isMade, isWaiting, isWinner, type MadeTrial, type Trial } from './trial.ts'

export type Outcome = {
  readonly phase: ExperimentPhase
  readonly note: Note
  /** to be published now */
  readonly publish?: MadeTrial
}

const said = (phase: ExperimentPhase, reason: Note['reason'], message?: string): Outcome => ({
  phase,
  note: { reason, message: message ?? EXPERIMENT_REASONS[reason] },
})

const praised = ({ name, score }: Trial): string =>
  `${name} is the best of all trials${score === undefined ? '' : `: ${shownScore(score)}`}`

const succeeded = (winner: Trial): Outcome => said('Succeeded', 'Succeeded', praised(winner))

const published = (winner: MadeTrial): Outcome => {
  const run = winner.job.status?.runs?.at(-1)
  if (winner.isActive) return said('Publishing', 'Publishing', `${winner.name} is being published`)
  if (winner.stalled !== undefined)
    return said('Failed', 'PublishFailed', `${winner.name}: ${winner.stalled}`)
  return run?.phase === 'Failed'
    ? said('Failed', 'PublishFailed', `${winner.name}: ${run.message ?? run.reason ?? 'failed'}`)
    : succeeded(winner)
}

const suspended = (trials: readonly MadeTrial[]): Outcome => {
  const stopping = trials.filter(({ isActive, phase }) => isActive && phase !== 'Suspended')
  return stopping.length === 0
    ? said('Suspended', 'Suspended')
    : said('Running', 'Stopping', `${stopping.length} trials save their checkpoints and end`)
}

const complete = (trials: readonly Trial[], spec: ExperimentSpec): Outcome => {
  const winner = winnerOf(trials, spec.objective.goal)
  if (!winner || !isMade(winner)) return said('Failed', 'NoTrialSucceeded')
  if (spec.publish !== 'Best') return succeeded(winner)
  const message = `${praised(winner)}; it is being published`
  return { ...said('Publishing', 'Publishing', message), publish: winner }
}

export const outcomeOf = (
  trials: readonly Trial[],
  spec: ExperimentSpec,
  { isComplete }: Advance,
): Outcome => {
  const made = trials.filter(isMade)
  const winner = made.find(({ job }) => isWinner(job, spec))
  if (winner && !winner.isActive) return published(winner)
  if (spec.suspend && !(isComplete && spec.publish !== 'Best')) return suspended(made)
  if (winner) return published(winner)
  if (isComplete) return complete(trials, spec)
  return trials.every(isWaiting) ? said('Pending', 'Accepted') : said('Running', 'Running')
}
