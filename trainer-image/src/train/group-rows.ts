/** Which rows of an optimizer step, or of the validation data, are computed at once. The gradient is summed over all of them either way. */
import type { Row } from '../data/prepared.ts'
import { lengthOf, usedLength } from './micro-batch.ts'

export type Grouping = {
  readonly group: (rows: readonly Row[]) => readonly (readonly Row[])[]
  /** rows that are looked at together where there is no optimizer step */
  readonly window: number
}

/** Of the validation data so many micro-batches are read at once. */
const WINDOW = 8

/** @returns the rows in groups of at most `size` */
export const inGroups = <T>(items: readonly T[], size: number): readonly (readonly T[])[] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  )

/**
 * Rows of like length together, so that little is padding. Too many tokens are halved: groups of few different sizes,
 * each of which would need a session of its own.
 * @param rows longest first
 */
const halvedToFit = (rows: readonly Row[], maxTokens: number): readonly (readonly Row[])[] => {
  if (rows.length <= 1 || rows.length * lengthOf(rows) <= maxTokens) return [rows]
  const half = Math.ceil(rows.length / 2)
  return [rows.slice(0, half), rows.slice(half)].flatMap(part => halvedToFit(part, maxTokens))
}

/** @returns groups of at most `maxTokens` tokens, padding included, and of one row where that alone has more */
export const byTokens = (rows: readonly Row[], maxTokens: number): readonly (readonly Row[])[] => {
  if (rows.length === 0) return []
  const measured = rows.map(row => ({ row, length: usedLength(row) }))
  const longestFirst = measured.toSorted((a, b) => b.length - a.length).map(({ row }) => row)
  return halvedToFit(longestFirst, maxTokens)
}

export type GroupingOptions = {
  readonly packing: boolean
  /** rows of `sequenceLength` tokens */
  readonly microBatchSize: number
  readonly sequenceLength: number
}

/** Packed rows are full, and keep their order. */
export const groupingOf = ({
  packing,
  microBatchSize,
  sequenceLength,
}: GroupingOptions): Grouping => ({
  group: rows =>
    packing ? inGroups(rows, microBatchSize) : byTokens(rows, microBatchSize * sequenceLength),
  window: WINDOW * microBatchSize,
})
