/** Which trial is the better one. */
import type { ExperimentSpec } from './kinds.ts'
import type { Trial } from './trial.ts'

type Goal = ExperimentSpec['objective']['goal']
type Scored<T> = T & { readonly score: number }
export type ScoredTrial = Scored<Trial>

const hasScore = <T extends Trial>(trial: T): trial is Scored<T> => trial.score !== undefined

const SHOWN_DIGITS = 6
/** As status, Events and `kubectl get tex` have it; trials are compared on the whole number. */
export const shownScore = (score: number): number => Number(score.toPrecision(SHOWN_DIGITS))

/** Best first: a higher rung before a lower one, then by score, then the earlier trial. Those without a score are left out. */
export const ranked = <T extends Trial>(trials: readonly T[], goal: Goal): readonly Scored<T>[] =>
  trials
    .filter(trial => hasScore(trial))
    .toSorted(
      (a, b) =>
        b.scoredRung - a.scoredRung ||
        (goal === 'Maximize' ? b.score - a.score : a.score - b.score) ||
        a.number - b.number,
    )

/** The best so far; one that failed or was given up for its losses is none. */
export const bestOf = (trials: readonly Trial[], goal: Goal): ScoredTrial | undefined =>
  ranked(
    trials.filter(({ phase }) => phase !== 'Failed' && phase !== 'Stopped'),
    goal,
  )[0]

/** The best of those that trained to their end. */
export const winnerOf = (trials: readonly Trial[], goal: Goal): ScoredTrial | undefined =>
  ranked(
    trials.filter(({ phase }) => phase === 'Succeeded'),
    goal,
  )[0]
