/** Counts by slice, with a bound on the names: a category column may hold anything. */

/** Names beyond these are counted together. */
export const OTHER_SLICES = '…'
const KEPT_NAMES = 200
/** Distinct names held while reading; a name first seen after so many is counted as other. */
const MAX_NAMES = 10_000

export type Side = 'train' | 'validation'
export type SliceCounts = Readonly<Record<string, number>>

const largestFirst = (a: readonly [string, number], b: readonly [string, number]) =>
  b[1] - a[1] || (a[0] < b[0] ? -1 : 1)

/** @returns the largest `limit` slices, the rest summed under `…` at the end */
export const largestSlices = (counts: ReadonlyMap<string, number>, limit: number): SliceCounts => {
  const named = [...counts].filter(([name]) => name !== OTHER_SLICES).sort(largestFirst)
  const other = [...named.slice(limit), [OTHER_SLICES, counts.get(OTHER_SLICES) ?? 0] as const]
  const rest = other.reduce((sum, [, count]) => sum + count, 0)
  const kept = named.slice(0, limit)
  return Object.freeze(Object.fromEntries(rest > 0 ? [...kept, [OTHER_SLICES, rest]] : kept))
}

export const createSliceCounter = () => {
  const counts = { train: new Map<string, number>(), validation: new Map<string, number>() }
  const known = new Map<string, number>()
  return {
    add(side: Side, slice: string) {
      const name = known.has(slice) || known.size < MAX_NAMES ? slice : OTHER_SLICES
      known.set(name, (known.get(name) ?? 0) + 1)
      counts[side].set(name, (counts[side].get(name) ?? 0) + 1)
    },
    counts: (side: Side, limit = KEPT_NAMES): SliceCounts => largestSlices(counts[side], limit),
    /** @returns the name under which a slice is reported: its own, or `…` beyond the largest 200 */
    naming(): (slice: string) => string {
      const kept = new Set(Object.keys(largestSlices(known, KEPT_NAMES)))
      return slice => (kept.has(slice) ? slice : OTHER_SLICES)
    },
  }
}
