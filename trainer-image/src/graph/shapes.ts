/** Shape arithmetic over known and symbolic dimensions. */
import type { Dimension, Shape } from './node.ts'

const isOne = (d: Dimension | undefined) => d === undefined || d === 1

const broadcastDimension = (a: Dimension | undefined, b: Dimension | undefined): Dimension => {
  if (isOne(a)) return b ?? a ?? 1
  if (isOne(b) || a === b) return a as Dimension
  // A symbol against a number: only the number can be right, unless the symbol is 1.
  if (typeof a === 'string' && typeof b === 'number') return b
  if (typeof b === 'string' && typeof a === 'number') return a
  throw new TypeError(`dimensions ${a} and ${b} do not broadcast`)
}

/** @returns the shape that numpy broadcasting gives `a` and `b` */
export const broadcast = (a: Shape, b: Shape): Shape => {
  const rank = Math.max(a.length, b.length)
  return Array.from({ length: rank }, (_, i) =>
    broadcastDimension(a[i - rank + a.length], b[i - rank + b.length]),
  )
}

export const axisOf = (axis: number, rank: number): number => {
  const positive = axis < 0 ? axis + rank : axis
  if (positive < 0 || positive >= rank) throw new TypeError(`axis ${axis} is outside rank ${rank}`)
  return positive
}

export const reduced = (shape: Shape, axes: readonly number[], keepDims: boolean): Shape => {
  const gone = new Set(axes.map(axis => axisOf(axis, shape.length)))
  return keepDims
    ? shape.map((d, i) => (gone.has(i) ? 1 : d))
    : shape.filter((_, i) => !gone.has(i))
}

/** A: (…, M, K), B: (…, K, N), both at least of rank 2 @returns (…, M, N) */
export const multiplied = (a: Shape, b: Shape, transA = false, transB = false): Shape => {
  if (a.length < 2 || b.length < 2) throw new TypeError(`cannot multiply [${a}] by [${b}]`)
  const [m, ka] = transA ? [a.at(-1), a.at(-2)] : [a.at(-2), a.at(-1)]
  const [kb, n] = transB ? [b.at(-1), b.at(-2)] : [b.at(-2), b.at(-1)]
  if (typeof ka === 'number' && typeof kb === 'number' && ka !== kb)
    throw new TypeError(`cannot multiply [${a}] by [${b}]: inner dimensions ${ka} and ${kb}`)
  return [...broadcast(a.slice(0, -2), b.slice(0, -2)), m as Dimension, n as Dimension]
}

/** @returns the number of elements, or undefined where a dimension is symbolic */
export const sizeOf = (shape: Shape): number | undefined =>
  shape.reduce<number | undefined>(
    (size, d) => (size === undefined || typeof d === 'string' ? undefined : size * d),
    1,
  )

/** @returns the shape as numbers; refuses symbols */
export const known = (shape: Shape): readonly number[] =>
  shape.map(d => {
    if (typeof d === 'string')
      throw new TypeError(`dimension ${d} of [${shape}] must be known here`)
    return d
  })

export const sameShape = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((d, i) => d === b[i])
