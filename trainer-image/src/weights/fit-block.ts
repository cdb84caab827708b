/**
 * The grid of one block of a weight, w ≈ (code - zero) · scale.
 *
 * At 8 bits it is the better of the block's range and of ggml's Q8_0, and the zero point is a code. At 4 bits a block
 * that was made of 16 evenly spaced numbers before (ggml's Q4_0, Q4_1, Q4_K) keeps them, and any other gets the line
 * through its codes with the least squared error, found by turns: the nearest codes of a line, then the best line of
 * these codes.
 */

export type Block = { readonly data: Float32Array; readonly start: number; readonly end: number }
export type Grid = {
  readonly scale: number
  readonly zero: number
  /** at 4 bits what the code 0 stands for: -zero · scale before the rounding of zero */
  readonly shift?: number
}

/** Blocks of a smaller range become one number: the inverse of their scale might overflow. */
const SMALLEST = 1e-30
const LARGEST = { 4: 15, 8: 255 } as const

type Range = { readonly lowest: number; readonly highest: number }

const rangeOf = ({ data, start, end }: Block): Range => {
  let [lowest, highest] = [Infinity, -Infinity]
  for (let i = start; i < end; i++) {
    const value = data[i]!
    if (value < lowest) lowest = value
    if (value > highest) highest = value
  }
  return { lowest, highest }
}

/** The nearest code; what lies below the grid is cut off towards 0 by the conversion to an integer. */
const codeOf = (value: number, inverse: number, zero: number, largest: number): number => {
  const code = (value * inverse + zero + 0.5) | 0
  return code < 0 ? 0 : code > largest ? largest : code
}

/** Writes the nearest codes of the block's values. */
export const encodeBlock = (
  { data, start, end }: Block,
  { scale, zero, shift }: Grid,
  bits: 4 | 8,
  codes: Uint8Array,
): void => {
  if (scale === 0) return
  const inverse = 1 / scale
  const [from, first] = shift === undefined ? [0, zero] : [shift, 0]
  for (let i = start; i < end; i++)
    codes[i] = codeOf(data[i]! - from, inverse, first, LARGEST[bits])
}

// ---------------------------------------------------------------------------------------------- 8 bits

const squaredError = ({ data, start, end }: Block, { scale, zero }: Grid) => {
  const inverse = 1 / scale
  let error = 0
  for (let i = start; i < end; i++) {
    const value = data[i]!
    const difference = value - (codeOf(value, inverse, zero, LARGEST[8]) - zero) * scale
    error += difference * difference
  }
  return error
}

const eightBits = (block: Block, { lowest, highest }: Range): Grid => {
  const [low, high] = [Math.min(lowest, 0), Math.max(highest, 0)]
  if (high - low < SMALLEST) return { scale: 0, zero: 0 }
  const own = { scale: Math.fround(Math.max(-low, high) / 127), zero: 128 }
  const scale = Math.fround((high - low) / LARGEST[8])
  const whole = { scale, zero: Math.round(-low / scale) }
  return squaredError(block, own) <= squaredError(block, whole) ? own : whole
}

// ---------------------------------------------------------------------------------------------- 4 bits

/** w = low + step · code */
type Line = { readonly low: number; readonly step: number }

/** Of the largest value, four times what rounding to float32 takes: two of the ends, two of the value and its grid's. */
const ROUNDING = 2 ** -22
/** Parts of the block's range to start from: where few values lie far out, the others gain by cutting them off. */
const STARTS = [1, 0.9, 0.8]
const TURNS = 3

const liesOn = ({ data, start, end }: Block, { low, step }: Line, tolerance: number): boolean => {
  const inverse = 1 / step
  for (let i = start; i < end; i++) {
    const above = data[i]! - low
    if (Math.abs(above - Math.round(above * inverse) * step) > tolerance) return false
  }
  return true
}

/** @returns the line that all values lie on, of those from the lowest to the highest the one with the fewest steps */
const ownLine = (block: Block, { lowest, highest }: Range): Line | undefined => {
  const tolerance = ROUNDING * Math.max(Math.abs(lowest), Math.abs(highest))
  for (let steps = 1; steps <= LARGEST[4]; steps++) {
    const line = { low: lowest, step: (highest - lowest) / steps }
    if (liesOn(block, line, tolerance)) return line
  }
  return undefined
}

/** Of the codes that a line gives: the line with the least squared error, and by how much it lowers Σ(w - origin)². */
const refit = ({ data, start, end }: Block, { low, step }: Line, origin: number) => {
  const [inverse, from] = [1 / step, low - origin]
  let [codes, squares, values, products] = [0, 0, 0, 0]
  for (let i = start; i < end; i++) {
    const value = data[i]! - origin
    const code = codeOf(value - from, inverse, 0, LARGEST[4])
    codes += code
    squares += code * code
    values += value
    products += code * value
  }
  const count = end - start
  const best = (count * products - codes * values) / (count * squares - codes * codes)
  const atZero = (values - best * codes) / count
  const line = { low: origin + atZero, step: best }
  return { line, gain: best * products + atZero * values }
}

const fittedLine = (block: Block, { lowest, highest }: Range): Line => {
  const [middle, step] = [(lowest + highest) / 2, (highest - lowest) / LARGEST[4]]
  let best = { line: { low: lowest, step }, gain: -Infinity }
  for (const part of STARTS) {
    let line: Line = { low: middle - (part * (highest - lowest)) / 2, step: part * step }
    for (let turn = 0; turn < TURNS; turn++) {
      const fitted = refit(block, line, lowest)
      if (fitted.gain > best.gain) best = fitted
      line = fitted.line
    }
  }
  return best.line
}

const fourBits = (block: Block, range: Range): Grid => {
  const { lowest, highest } = range
  if (highest - lowest < SMALLEST) return { scale: 1, zero: -lowest, shift: lowest }
  const { low, step } = ownLine(block, range) ?? fittedLine(block, range)
  const scale = Math.fround(step)
  return { scale, zero: -low / scale, shift: Math.fround(low) }
}

export const gridOf = (block: Block, bits: 4 | 8): Grid =>
  (bits === 4 ? fourBits : eightBits)(block, rangeOf(block))
