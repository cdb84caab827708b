/** The values that one parameter can take: listed, spaced by a step, or anything between two bounds. */
import { fieldSchema, type SchemaNode } from '../schema-node.ts'
import { type ExperimentParameter, TEMPLATE } from '../tuning-experiment-spec.ts'

type Range = NonNullable<ExperimentParameter['range']>

/** More points than this would be more trials than an experiment may have. */
export const POINTS_MAX = 500
/** The ends of a range count although a sum of floats misses them. */
const SLACK = 1e-9
/** Digits of a drawn number: enough to search with, few enough to read. */
const DRAWN_DIGITS = 6
const STEP_DIGITS = 12

/** Schema of a field of the template; undefined where there is none. */
export const fieldOf = (path: string): SchemaNode | undefined =>
  path
    .split('.')
    .reduce<SchemaNode | undefined>((node, key) => node && fieldSchema(node, key), TEMPLATE)

const isInteger = (path: string) => fieldOf(path)?.type === 'integer'
const rounded = (value: number, digits: number) => Number(value.toPrecision(digits))

/** How many points a range with a step has. */
export const pointsIn = ({ min, max, scale, step = 0 }: Range): number =>
  1 +
  Math.floor((scale === 'Log' ? Math.log(max / min) / Math.log(step) : (max - min) / step) + SLACK)

const points = (range: Range, step: number, whole: boolean): readonly number[] => {
  const { min, max, scale } = range
  const values = Array.from({ length: Math.min(pointsIn(range), POINTS_MAX + 1) }, (_, k) => {
    const value = scale === 'Log' ? min * step ** k : min + step * k
    return Math.min(max, whole ? Math.round(value) : rounded(value, STEP_DIGITS))
  })
  return [...new Set(values)]
}

/** @returns undefined where it may be any number of a range */
export const choicesOf = ({ path, values, range }: ExperimentParameter) => {
  if (values) return values
  return range?.step === undefined ? undefined : points(range, range.step, isInteger(path))
}

const between = ({ min, max, scale }: Range, share: number, whole: boolean): number => {
  if (whole && scale !== 'Log') {
    const lowest = Math.ceil(min)
    return lowest + Math.floor(share * (Math.floor(max) - lowest + 1))
  }
  const value = scale === 'Log' ? min * (max / min) ** share : min + share * (max - min)
  const drawn = whole ? Math.round(value) : rounded(value, DRAWN_DIGITS)
  return Math.min(max, Math.max(min, drawn))
}

/** @param share uniform in [0, 1) */
export const drawnValue = (parameter: ExperimentParameter, share: number): unknown => {
  const choices = choicesOf(parameter)
  if (choices) return choices[Math.floor(share * choices.length)]
  return parameter.range && between(parameter.range, share, isInteger(parameter.path))
}
