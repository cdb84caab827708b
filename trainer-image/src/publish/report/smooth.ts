/** Running means, for curves that jump from step to step. */
import type { StepPoint } from './report-data.ts'

/** Share of the curve that one mean covers. */
const WINDOW_SHARE = 1 / 12

/** Mean of the loss over a window centred on each step; the window shrinks towards both ends. */
export const smoothed = (
  points: readonly StepPoint[],
): readonly { readonly step: number; readonly loss: number }[] => {
  const half = Math.max(1, Math.round((points.length * WINDOW_SHARE) / 2))
  return points.map(({ step }, index) => {
    const reach = Math.min(half, index, points.length - 1 - index)
    const near = points.slice(index - reach, index + reach + 1)
    return { step, loss: near.reduce((sum, point) => sum + point.loss, 0) / near.length }
  })
}
