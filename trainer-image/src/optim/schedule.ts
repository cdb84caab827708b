/** Learning rate over the steps, after transformers' optimization.py (5.23). */
import type { ResolvedTraining } from '@attune/crds/resolved-spec.ts'

export type Schedule = {
  readonly type: ResolvedTraining['schedule']['type']
  readonly learningRate: number
  readonly warmupSteps: number
  readonly totalSteps: number
  /** the last steps, in which WarmupStableDecay falls; 0 if absent */
  readonly decaySteps?: number
  /** share of the learning rate at which a decay ends; 0 if absent */
  readonly minFraction?: number
}

/** Where WarmupStableDecay is given no share: that of MiniCPM (arXiv:2404.06395). */
const DECAY_FRACTION = 0.1

/** @returns ceil(fraction · totalSteps), as transformers counts `warmup_ratio` */
export const warmupSteps = (fraction: number, totalSteps: number): number =>
  Math.ceil(fraction * totalSteps)

/** @param totalSteps of the whole training, wherever it is stopped */
export const scheduleOf = (
  { schedule, learningRate }: Pick<ResolvedTraining, 'schedule' | 'learningRate'>,
  totalSteps: number,
): Schedule => {
  const warmup = warmupSteps(schedule.warmupFraction, totalSteps)
  const decay = Math.ceil((schedule.decayFraction ?? DECAY_FRACTION) * totalSteps)
  return {
    type: schedule.type,
    learningRate,
    warmupSteps: warmup,
    totalSteps,
    // both shares are rounded up
    decaySteps: Math.min(decay, totalSteps - warmup),
    minFraction: schedule.minLearningRateFraction ?? 0,
  }
}

const halfCosine = (progress: number): number => 0.5 * (1 + Math.cos(Math.PI * progress))

/** @returns 1 … 0 after the warm-up */
const decay = (
  { type, warmupSteps: warmup, totalSteps, decaySteps = 0 }: Schedule,
  step: number,
) => {
  const since = (start: number) => (step - start) / Math.max(1, totalSteps - start)
  switch (type) {
    case 'Constant':
      return 1
    case 'Linear':
      return Math.max(0, 1 - since(warmup))
    case 'Cosine':
      return Math.max(0, halfCosine(since(warmup)))
    case 'WarmupStableDecay': {
      if (step >= totalSteps) return 0
      const start = totalSteps - decaySteps
      return step < start ? 1 : halfCosine(since(start))
    }
  }
}

/** @param step updates already made; with warm-up the first update has learning rate 0, or the least of WarmupStableDecay */
export const learningRateAt = (schedule: Schedule, step: number): number => {
  const { type, learningRate, warmupSteps: warmup, minFraction = 0 } = schedule
  const aboveMin = (factor: number) => factor * (1 - minFraction) + minFraction
  if (step >= warmup) return learningRate * aboveMin(decay(schedule, step))
  // get_wsd_schedule rises from the least rate, the others from 0
  if (type === 'WarmupStableDecay') return learningRate * aboveMin(step / Math.max(1, warmup))
  return (learningRate * step) / Math.max(1, warmup)
}
