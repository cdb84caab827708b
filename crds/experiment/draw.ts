/** Random numbers that follow from names alone: no state, so that every operator draws the same at any time. */
import { createHash } from 'node:crypto'

const BYTES = 6

/** @returns uniform in [0, 1), the first 48 bits of a sha256 */
export const uniform = (...names: readonly (string | number)[]): number =>
  createHash('sha256').update(JSON.stringify(names)).digest().readUIntBE(0, BYTES) /
  2 ** (8 * BYTES)
