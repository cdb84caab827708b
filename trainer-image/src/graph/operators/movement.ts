/** Operators that move elements and change none. */
import type { GraphBuilder } from '../build.ts'
import { type Dimension, int, ints, type Shape, type Value } from '../node.ts'
import { axisOf, sizeOf } from '../shapes.ts'

/** ONNX writes "the input's dimension here" as 0 and "what is left" as -1, so one symbol more than the input's own is allowed. */
const reshapeTarget = (from: Shape, to: Shape): number[] => {
  let free = 0
  const target = to.map((d, i) => {
    if (typeof d === 'number') return d
    if (from[i] === d) return 0
    free += 1
    return -1
  })
  if (free > 1) throw new TypeError(`cannot reshape [${from}] to [${to}]: ${free} free dimensions`)
  return target
}

export const reshape = (g: GraphBuilder, x: Value, shape: Shape): Value => {
  const [from, to] = [sizeOf(x.shape), sizeOf(shape)]
  if (from !== undefined && to !== undefined && from !== to)
    throw new TypeError(`cannot reshape [${x.shape}] to [${shape}]`)
  const target = g.constant('int64', reshapeTarget(x.shape, shape))
  return g.node({
    operator: 'Reshape',
    inputs: [x, target],
    outputs: [{ type: x.type, shape }],
  })[0]!
}

export const transpose = (g: GraphBuilder, x: Value, perm: readonly number[]): Value =>
  g.node({
    operator: 'Transpose',
    inputs: [x],
    outputs: [{ type: x.type, shape: perm.map(axis => x.shape[axis]!) }],
    attributes: { perm: ints(perm) },
  })[0]!

export type SliceRange = {
  readonly axis: number
  readonly start: number
  readonly end: number
  /** the result's dimension, where the input's is symbolic */
  readonly dimension?: Dimension
  /** never taken for another slice of the same range, which would be kept from the first use to the last */
  readonly isApart?: boolean
}

/** Elements start ≤ i < end of one axis; ends beyond the axis are clamped by ONNX Runtime. */
export const slice = (g: GraphBuilder, x: Value, range: SliceRange): Value => {
  const axis = axisOf(range.axis, x.shape.length)
  const size = x.shape[axis]!
  const clamped =
    typeof size === 'number'
      ? Math.min(range.end, size) - Math.min(range.start, size)
      : range.dimension
  if (clamped === undefined) throw new TypeError(`name the dimension that a slice of ${size} has`)
  const one = (value: number) => g.constant('int64', [value])
  return g.node({
    operator: 'Slice',
    inputs: [
      x,
      one(range.start),
      one(range.end),
      one(axis),
      // written out, the step changes nothing; only nodes with equal inputs are taken for one
      ...(range.isApart ? [one(1)] : []),
    ],
    outputs: [{ type: x.type, shape: x.shape.with(axis, clamped) }],
  })[0]!
}

export type SliceFrom = {
  readonly axis: number
  /** (1) int64 */
  readonly start: Value
  /** (1) int64 where it is known only when the graph runs, too */
  readonly end: number | Value
  readonly dimension: Dimension
  readonly isApart?: boolean
}

/** Elements from one that is known only when the graph runs. */
export const sliceFrom = (g: GraphBuilder, x: Value, range: SliceFrom): Value => {
  const axis = axisOf(range.axis, x.shape.length)
  const one = (value: number) => g.constant('int64', [value])
  const step = range.isApart ? [one(1)] : []
  const end = typeof range.end === 'number' ? one(range.end) : range.end
  return g.node({
    operator: 'Slice',
    inputs: [x, range.start, end, one(axis), ...step],
    outputs: [{ type: x.type, shape: x.shape.with(axis, range.dimension) }],
  })[0]!
}

export const split = (
  g: GraphBuilder,
  x: Value,
  axis: number,
  sizes: readonly number[],
): readonly Value[] => {
  const positive = axisOf(axis, x.shape.length)
  return g.node({
    operator: 'Split',
    inputs: [x, g.constant('int64', sizes)],
    outputs: sizes.map(size => ({ type: x.type, shape: x.shape.with(positive, size) })),
    attributes: { axis: int(positive) },
  })
}

export const concat = (g: GraphBuilder, parts: readonly Value[], axis: number): Value => {
  const first = parts[0]
  if (!first) throw new TypeError('concat of nothing')
  if (parts.length === 1) return first
  const positive = axisOf(axis, first.shape.length)
  const sizes = parts.map(part => part.shape[positive]!)
  const numbers = sizes.filter(size => typeof size === 'number')
  const total =
    numbers.length === sizes.length ? numbers.reduce((a, b) => a + b, 0) : sizes.join('+')
  return g.node({
    operator: 'Concat',
    inputs: parts,
    outputs: [{ type: first.type, shape: first.shape.with(positive, total) }],
    attributes: { axis: int(positive) },
  })[0]!
}

/** Rows of `x` along `axis`; the shape of `indices` takes that axis's place. */
export const gather = (g: GraphBuilder, x: Value, indices: Value, axis = 0): Value => {
  const at = axisOf(axis, x.shape.length)
  const shape = [...x.shape.slice(0, at), ...indices.shape, ...x.shape.slice(at + 1)]
  return g.node({
    operator: 'Gather',
    inputs: [x, indices],
    outputs: [{ type: x.type, shape }],
    attributes: { axis: int(at) },
  })[0]!
}

/** x: (…), indices: same rank @returns x at `indices` along `axis`, of the shape of `indices` */
export const gatherElements = (g: GraphBuilder, x: Value, indices: Value, axis: number): Value =>
  g.node({
    operator: 'GatherElements',
    inputs: [x, indices],
    outputs: [{ type: x.type, shape: indices.shape }],
    attributes: { axis: int(axisOf(axis, x.shape.length)) },
  })[0]!

/** data with each of `updates` added at its place in `indices` along `axis`; an index may come more than once */
export const scatterElements = (
  g: GraphBuilder,
  data: Value,
  indices: Value,
  updates: Value,
  axis: number,
): Value =>
  g.node({
    operator: 'ScatterElements',
    inputs: [data, indices, updates],
    outputs: [{ type: data.type, shape: data.shape }],
    attributes: {
      axis: int(axisOf(axis, data.shape.length)),
      reduction: { kind: 'string', value: 'add' },
    },
  })[0]!

export const expand = (g: GraphBuilder, x: Value, shape: readonly number[]): Value =>
  g.node({
    operator: 'Expand',
    inputs: [x, g.constant('int64', shape)],
    outputs: [{ type: x.type, shape }],
  })[0]!
