/** Rows of the prepared data as one micro-batch of B rows by T tokens. */
import { MAX_WRITTEN_OUT, TURN } from '../autodiff/composites/long-attention.ts'
import type { Row } from '../data/prepared.ts'
import type { MicroBatch } from '../session/training-engine.ts'

/** Rows are cut to the longest document among them, in steps of this, so that few different shapes occur. */
const LENGTH_STEP = 64

/** @returns tokens of a row of so many where it is computed: a long one is filled up, as attention's loop asks for */
export const computedLength = (tokens: number): number =>
  tokens > MAX_WRITTEN_OUT ? Math.ceil(tokens / TURN) * TURN : tokens

/** @returns tokens before the padding */
export const usedLength = (row: Row): number => {
  let length = row.tokens.length
  while (length > 0 && row.segments[length - 1] === 0) length--
  return length
}

/** @returns tokens that are not padding */
export const countTokens = (row: Row): number =>
  row.segments.reduce((sum, segment) => sum + (segment > 0 ? 1 : 0), 0)

/** @returns tokens with loss */
export const countTargets = (row: Row): number => row.loss.reduce((sum, flag) => sum + flag, 0)

const targetsOf = (rows: readonly Row[], length: number) => {
  const positions: number[] = []
  const tokens: number[] = []
  rows.forEach((row, index) => {
    for (let t = 1; t < length; t++) {
      if (row.loss[t] !== 1) continue
      // the hidden state at t − 1 predicts the token at t
      positions.push(index * length + t - 1)
      tokens.push(row.tokens[t] ?? 0)
    }
  })
  return { targetPositions: Int32Array.from(positions), targetTokens: Int32Array.from(tokens) }
}

/** @returns tokens of each of the rows in one micro-batch */
export const lengthOf = (rows: readonly Row[]): number => {
  const sequenceLength = rows[0]?.tokens.length ?? 0
  const longest = Math.max(...rows.map(usedLength))
  return computedLength(Math.min(sequenceLength, Math.ceil(longest / LENGTH_STEP) * LENGTH_STEP))
}

export const toMicroBatch = (rows: readonly Row[]): MicroBatch => {
  const length = lengthOf(rows)
  const stack = (pick: (row: Row) => Int32Array) => {
    const all = new Int32Array(rows.length * length)
    for (const [index, row] of rows.entries())
      all.set(pick(row).subarray(0, length), index * length)
    return all
  }
  return {
    rows: rows.length,
    length,
    tokens: stack(row => row.tokens),
    positions: stack(row => row.positions),
    segments: stack(row => row.segments),
    ...targetsOf(rows, length),
  }
}
