/** Trials that could all go on at once, e.g. when what stalled them together is gone, wait for each other. */
import type { ExperimentSpec } from './kinds.ts'
import { isWinner, type MadeTrial } from './trial.ts'

const first = (a: boolean, b: boolean) => Number(b) - Number(a)

/** The best one publishes; those that go on keep going on; then the higher rung, then the earlier trial. */
const byPrecedence =
  (spec: Pick<ExperimentSpec, 'publish'>) =>
  (a: MadeTrial, b: MadeTrial): number =>
    first(isWinner(a.job, spec), isWinner(b.job, spec)) ||
    first(a.job.spec?.suspend !== true, b.job.spec?.suspend !== true) ||
    first(a.phase === 'Running', b.phase === 'Running') ||
    b.rung - a.rung ||
    a.number - b.number

/** @returns numbers of the trials that are more than may run at once */
export const crowdedOut = (
  trials: readonly MadeTrial[],
  spec: Pick<ExperimentSpec, 'parallelTrials' | 'publish'>,
): ReadonlySet<number> =>
  new Set(
    trials
      .filter(({ isActive }) => isActive)
      .toSorted(byPrecedence(spec))
      .slice(spec.parallelTrials)
      .map(({ number }) => number),
  )
