/** Learning rate over the steps, after transformers' optimization.py. */

export type Schedule = {
  readonly type: 'Constant' | 'Linear' | 'Cosine'
  readonly learningRate: number
  readonly warmupSteps: number
  readonly totalSteps: number
}

/** @returns ceil(fraction · totalSteps), as transformers counts `warmup_ratio` */
export const warmupSteps = (fraction: number, totalSteps: number): number =>
  Math.ceil(fraction * totalSteps)

const decay = (type: Schedule['type'], progress: number): number => {
  switch (type) {
    case 'Constant':
      return 1
    case 'Linear':
      return Math.max(0, 1 - progress)
    case 'Cosine':
      return Math.max(0, 0.5 * (1 + Math.cos(Math.PI * progress)))
  }
}

/** @param step updates already made; with warm-up the first update has learning rate 0 */
export const learningRateAt = (schedule: Schedule, step: number): number => {
  const { type, learningRate, warmupSteps: warmup, totalSteps } = schedule
  if (step < warmup) return (learningRate * step) / Math.max(1, warmup)
  const progress = (step - warmup) / Math.max(1, totalSteps - warmup)
  return learningRate * decay(type, progress)
}
