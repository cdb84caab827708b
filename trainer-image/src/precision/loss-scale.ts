/**
 * Loss scaling (Micikevicius et al. 2018, arXiv:1710.03740, section 3.2), dynamic as torch.amp.GradScaler does it, by its
 * defaults: the loss is multiplied so that its gradients are within float16, less where they were not, more after a
 * while in which they always were.
 */

const FIRST_SCALE = 2 ** 16
/** Updates in a row after which the scale is doubled. */
const GROWTH_INTERVAL = 2000
/** torch stops at infinity; beyond this float32 itself would overflow in the sums */
const LARGEST_SCALE = 2 ** 64

/** Part of a checkpoint. */
export type LossScale = {
  /** a power of two: what the mean loss of a target is multiplied by */
  readonly scale: number
  /** updates since it changed */
  readonly updates: number
}

export const FIRST_LOSS_SCALE: LossScale = { scale: FIRST_SCALE, updates: 0 }

export const afterUpdate = ({ scale, updates }: LossScale): LossScale =>
  updates + 1 < GROWTH_INTERVAL
    ? { scale, updates: updates + 1 }
    : { scale: Math.min(LARGEST_SCALE, 2 * scale), updates: 0 }

/** @returns undefined where gradients that are not scaled at all are too large */
export const afterOverflow = ({ scale }: LossScale): LossScale | undefined =>
  scale > 1 ? { scale: scale / 2, updates: 0 } : undefined

/**
 * Gradients are summed over the targets of a step and divided at its end, torch's are those of the mean loss: without
 * the targets in it a scale would mean something else for every batch.
 * @returns what the summed loss is multiplied by, a power of two
 */
export const factorOf = ({ scale }: LossScale, targets: number): number =>
  scale / 2 ** Math.ceil(Math.log2(Math.max(1, targets)))
