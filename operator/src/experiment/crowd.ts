/** Trials that could all go on at once, e.g. when what stalled them together is gone, wait for each other. */
import type { ExperimentSpec } from './kinds.ts'
import type { MadeTrial } from './trial.ts'

const first = (a: boolean, b: boolean) => Number(b) - Number(a)

/** Those that go on keep going on; then the higher rung, then the earlier trial. */
const byPrecedence = (a: MadeTrial, b: MadeTrial): number =>
  first(a.job.spec?.suspend !== true, b.job.spec?.suspend !== true) ||
  first(a.phase === 'Running', b.phase === 'Running') ||
  b.rung - a.rung ||
  a.number - b.number

/** @returns numbers of the trials that are more than may run at once */
export const crowdedOut = (
  trials: readonly MadeTrial[],
  { parallelTrials }: Pick<ExperimentSpec, 'parallelTrials'>,
): ReadonlySet<number> =>
  new Set(
    trials
      .filter(({ isActive }) => isActive)
      .toSorted(byPrecedence)
      .slice(parallelTrials)
      .map(({ number }) => number),
  )
