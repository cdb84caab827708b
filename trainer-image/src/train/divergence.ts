/**
 * When a training has diverged though its loss is still a number: the loss was over FACTOR × the running median, and
 * over LEAST, in STREAK steps in a row. The median is that of the WINDOW losses before the first of them; steps of the
 * warm-up are not judged. A single step with a large loss is an odd batch.
 */

const FACTOR = 3
const STREAK = 8
const WINDOW = 32
/** Nats per token; where the loss is next to nothing, three times that is, too. */
const LEAST = 0.5

/** Part of a checkpoint. */
export type LossHistory = {
  /** of the last steps, those of a streak left out; the newest last */
  readonly losses: readonly number[]
  /** steps in a row, up to now, whose loss was too large */
  readonly streak: number
}

export const NO_HISTORY: LossHistory = { losses: [], streak: 0 }

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  const upper = sorted[Math.floor(middle)] ?? Number.NaN
  return Number.isInteger(middle) ? ((sorted[middle - 1] ?? Number.NaN) + upper) / 2 : upper
}

export type Judgement = {
  readonly history: LossHistory
  /** why the training has diverged */
  readonly reason?: string
}

/** @param isJudged false in the warm-up */
export const judgeLoss = (history: LossHistory, loss: number, isJudged: boolean): Judgement => {
  if (!Number.isFinite(loss)) return { history, reason: `loss ${loss}` }
  const { losses, streak } = history
  const usual = median(losses)
  const isLarge = isJudged && losses.length > 0 && loss > Math.max(LEAST, FACTOR * usual)
  if (!isLarge) return { history: { losses: [...losses, loss].slice(-WINDOW), streak: 0 } }
  const now: LossHistory = { losses, streak: streak + 1 }
  if (now.streak < STREAK) return { history: now }
  return {
    history: now,
    reason: `loss ${loss.toFixed(4)}, in ${STREAK} steps in a row over ${FACTOR} × the median of the steps before, ${usual.toFixed(4)}`,
  }
}
