/** Memory for weights, which are larger than all else: shared by reads, and given back at once, not when the collector looks. */
import type { WeightShape } from '../model/linear-layers.ts'
import type { Weights } from '../model/config.ts'

/** Frees the array's memory; it is empty from then on, and so is every other array on it. */
export const release = ({ buffer }: { readonly buffer: ArrayBufferLike }): void => {
  if (buffer instanceof ArrayBuffer) buffer.transfer(0)
}

/**
 * Weights that are read one after the other into memory for the largest of `shapes`: what was read is gone with the
 * next read, and all of it once `use` has ended.
 */
export const inOneRoom = async <T>(
  weights: Weights,
  shapes: readonly WeightShape[],
  use: (weights: Weights) => Promise<T>,
): Promise<T> => {
  const sizes = shapes.map(({ shape }) => shape.reduce((a, b) => a * b, 1))
  const room = new Float32Array(Math.max(0, ...sizes))
  try {
    return await use({ ...weights, read: name => weights.read(name, room) })
  } finally {
    release(room)
  }
}
