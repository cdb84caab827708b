/** Which trials go on to their next rung. Follows from the trials alone: half a promotion goes on where it stopped. */
import type { ExperimentSpec } from './kinds.ts'
import { ranked } from './rank.ts'
import { reductionFactor, rungSize, rungsOf } from '@attune/crds/experiment/rungs.ts'
import { isMade, isWaiting, type MadeTrial, type Trial } from './trial.ts'

export type Advance = {
  /** best first */
  readonly promote: readonly MadeTrial[]
  /** number of each trial that its rung has left behind, and why */
  readonly dropped: ReadonlyMap<number, string>
  /** nothing is left to be made, promoted or waited for */
  readonly isComplete: boolean
}

const isHere = (rung: number) => (trial: Trial) => trial.rung === rung

export const advance = (trials: readonly Trial[], spec: ExperimentSpec): Advance => {
  const last = rungsOf(spec).length - 1
  const dropped = new Map<number, string>()
  let expected = trials.length
  for (let rung = 0; expected > 0; rung += 1) {
    const reached = trials.filter(trial => !isWaiting(trial) && trial.rung >= rung)
    const here = reached.filter(isHere(rung))
    if (reached.length < expected || here.some(({ isActive }) => isActive))
      return { promote: [], dropped, isComplete: false }
    if (rung === last) break
    const ahead = reached.length - here.length
    const paused = here.filter(isMade).filter(({ phase }) => phase === 'Paused')
    const waiting = ranked(paused, spec.objective.goal).filter(isMade)
    const size = rungSize(trials.length, rung + 1, reductionFactor(spec))
    expected = Math.min(size, ahead + waiting.length)
    const promote = waiting.slice(0, expected - ahead)
    for (const trial of paused.filter(
      each => !promote.some(({ number }) => number === each.number),
    ))
      dropped.set(trial.number, `rung ${rung + 1} of ${last + 1}: not among its best ${expected}`)
    if (promote.length > 0) return { promote, dropped, isComplete: false }
  }
  return { promote: [], dropped, isComplete: true }
}
