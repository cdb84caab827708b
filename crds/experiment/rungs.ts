/** Successive halving (Jamieson and Talwalkar 2016): n trials for r steps, the best n/η for r·η, and so on. */
import type { ResolvedExperimentSpec } from '../resolved-spec.ts'

const REDUCTION_FACTOR = 3

export const reductionFactor = ({ strategy }: Pick<ResolvedExperimentSpec, 'strategy'>): number =>
  strategy.reductionFactor ?? REDUCTION_FACTOR

/**
 * Steps after which each rung stops; the last one trains to its end, which is undefined.
 * Without halving there is that one rung.
 */
export const rungsOf = (
  spec: Pick<ResolvedExperimentSpec, 'strategy' | 'template'>,
): readonly (number | undefined)[] => {
  const { strategy, template } = spec
  if (strategy.type !== 'SuccessiveHalving') return [undefined]
  const stops: number[] = []
  const end = template.training.maxSteps ?? 0
  for (let steps = strategy.minSteps ?? 1; steps < end; steps *= reductionFactor(spec))
    stops.push(steps)
  return [...stops, undefined]
}

/** How many of n trials a rung takes: n·η⁻ⁱ, at least one. */
export const rungSize = (trials: number, rung: number, factor: number): number =>
  Math.max(1, Math.floor(trials / factor ** rung + 1e-9))
