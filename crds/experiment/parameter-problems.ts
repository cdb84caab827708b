/** What is wrong with a parameter of a search, whatever the others are. */
import { canonicalJson } from '../canonical-json.ts'
import { nearest } from '../did-you-mean.ts'
import { type FieldProblem, shown } from '../field-problem.ts'
import type { ResolvedExperimentSpec } from '../resolved-spec.ts'
import { type FieldPath, fieldSchema, type SchemaNode } from '../schema-node.ts'
import { TEMPLATE } from '../tuning-experiment-spec.ts'
import { fieldOf, POINTS_MAX, pointsIn } from './parameter-values.ts'

type Spec = ResolvedExperimentSpec
type Parameter = Spec['parameters'][number]

/** Fields of numbers, words and lists below a node, as paths. */
const leaves = (node: SchemaNode, path: string): readonly string[] =>
  node.properties
    ? Object.entries(node.properties).flatMap(([key, child]) => leaves(child, `${path}.${key}`))
    : [path]

const SECTIONS = ['model', 'dataset', 'method', 'training']
const LENGTHS = ['training.maxSteps', 'training.epochs']

const variable = () =>
  SECTIONS.flatMap(key => {
    const node = fieldSchema(TEMPLATE, key)
    return node ? leaves(node, key) : []
  })

/** Of a field below `spec`. */
export const problem = (path: FieldPath, message: string): FieldProblem => ({
  path: ['spec', ...path],
  part: 'value',
  reason: 'FieldValueInvalid',
  message,
})

const pathProblem = ({ path }: Parameter, at: FieldPath) => {
  const node = fieldOf(path)
  if (node && !node.properties) return undefined
  const meant =
    nearest(path, variable()) ?? (node && `one below it, such as ${leaves(node, path)[0]}`)
  const hint = meant ? `; did you mean ${meant}?` : ''
  return problem([...at, 'path'], `${path} is no field that can be varied${hint}`)
}

const halvedLength = ({ path }: Parameter, { strategy }: Spec, at: FieldPath) =>
  strategy.type === 'SuccessiveHalving' && LENGTHS.includes(path)
    ? problem(
        [...at, 'path'],
        `${path} cannot vary: SuccessiveHalving decides how long each trial trains; leave it out, or use strategy.type Random`,
      )
    : undefined

const rangeProblem = ({ path, range }: Parameter, { strategy }: Spec, at: FieldPath) => {
  if (!range) return undefined
  const type = fieldOf(path)?.type
  const wrong = (message: string) => problem([...at, 'range'], message)
  if (type !== 'number' && type !== 'integer')
    return wrong(`${path} is not a number; give values in place of a range`)
  if (range.step === undefined)
    return strategy.type === 'Grid'
      ? wrong('needs a step for a Grid; give range.step, values, or strategy.type Random')
      : undefined
  const points = pointsIn(range)
  return points > POINTS_MAX
    ? wrong(`has ${points} points; at most ${POINTS_MAX}: use a larger step`)
    : undefined
}

const repeatProblem = ({ values = [] }: Parameter, at: FieldPath) => {
  const known = values.map(canonicalJson)
  const index = known.findIndex((value, i) => known.indexOf(value) < i)
  return index < 0
    ? undefined
    : problem(
        [...at, 'values', index],
        `${shown(values[index])} stands in the list twice; each value makes trials of its own`,
      )
}

export const parameterProblems = (spec: Spec): readonly FieldProblem[] =>
  spec.parameters.flatMap((parameter, index) => {
    const at = ['parameters', index]
    const found =
      pathProblem(parameter, at) ??
      halvedLength(parameter, spec, at) ??
      rangeProblem(parameter, spec, at) ??
      repeatProblem(parameter, at)
    return found ? [found] : []
  })
