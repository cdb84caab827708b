/** How many keys a block of queries sees, as a dimension of the graph. */

/** Name of the number of keys that a block sees, which is known only when the graph runs. */
export const keysDimension = ({
  from,
  end,
}: {
  readonly from: number
  readonly end: number
}): string => `keys_${from}_${end}`

/** @returns the most that a dimension named by `keysDimension` can be; undefined for another */
export const mostKeys = (dimension: string): number | undefined => {
  const [, from, end] = /^keys_(\d+)_(\d+)$/.exec(dimension) ?? []
  return end === undefined ? undefined : Number(end) - Number(from)
}
