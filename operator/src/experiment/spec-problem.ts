/** What the schema lets through and a search still cannot work with, told before anything is made. */
import { jobSpecProblem } from '@attune/crds/check-job-spec.ts'
import { nearest } from '@attune/crds/did-you-mean.ts'
import { fieldSchema, type SchemaNode } from '@attune/crds/schema-node.ts'
import { TEMPLATE, TRIALS_MAX } from '@attune/crds/tuning-experiment-spec.ts'
import type { ExperimentSpec } from './kinds.ts'
import { choicesOf, fieldOf, pointsIn, POINTS_MAX } from './parameter-values.ts'
import { assignmentsOf } from './search-space.ts'
import { trialSpec } from './trial-spec.ts'

type Parameter = ExperimentSpec['parameters'][number]

/** Fields of numbers, words and lists below a node, as paths. */
const leaves = (node: SchemaNode, path: string): readonly string[] =>
  node.properties
    ? Object.entries(node.properties).flatMap(([key, child]) => leaves(child, `${path}.${key}`))
    : [path]

const VARIABLE = ['model', 'dataset', 'method', 'training'].flatMap(key => {
  const node = fieldSchema(TEMPLATE, key)
  return node ? leaves(node, key) : []
})
const LENGTHS = ['training.maxSteps', 'training.epochs']

const pathProblem = ({ path }: Parameter): string | undefined => {
  const node = fieldOf(path)
  if (node && !node.properties) return undefined
  const meant = nearest(path, VARIABLE)
  return `${path} is no field that can be varied${meant ? `; did you mean ${meant}?` : ''}`
}

const rangeProblem = ({ path, range }: Parameter, { strategy }: ExperimentSpec) => {
  if (!range) return undefined
  const type = fieldOf(path)?.type
  if (type !== 'number' && type !== 'integer')
    return `${path} is not a number; give values in place of a range`
  if (range.step === undefined)
    return strategy.type === 'Grid' ? `range needs a step, or strategy.type Random` : undefined
  const points = pointsIn(range)
  return points > POINTS_MAX ? `range has ${points} points; at most ${POINTS_MAX}` : undefined
}

const halvingProblem = ({ path }: Parameter, { strategy }: ExperimentSpec) =>
  strategy.type === 'SuccessiveHalving' && LENGTHS.includes(path)
    ? `${path} cannot vary: SuccessiveHalving decides how long each trial trains`
    : undefined

const parametersProblem = (spec: ExperimentSpec): string | undefined => {
  for (const [index, parameter] of spec.parameters.entries()) {
    const problem =
      pathProblem(parameter) ?? rangeProblem(parameter, spec) ?? halvingProblem(parameter, spec)
    if (problem) return `spec.parameters[${index}]: ${problem}`
  }
  return undefined
}

const gridProblem = ({ strategy, parameters, maxTrials = TRIALS_MAX }: ExperimentSpec) => {
  if (strategy.type !== 'Grid') return undefined
  const size = parameters.reduce((all, parameter) => all * (choicesOf(parameter)?.length ?? 1), 1)
  return size > maxTrials
    ? `spec.parameters: the grid has ${size} combinations, and maxTrials is ${maxTrials}; use fewer values, or strategy.type Random`
    : undefined
}

const objectiveProblem = ({ objective: { metric }, template }: ExperimentSpec) => {
  const { suites } = template.evaluation
  if (metric === 'validationLoss') return undefined
  const known = suites.flatMap(suite => suite.metrics.map(each => `${suite.name}/${each}`))
  if (known.length === 0)
    return `spec.template.evaluation.suites: without a suite there is no ${metric}`
  return metric === 'score' || known.includes(metric)
    ? undefined
    : `spec.objective.metric: no suite measures ${metric}; the suites measure ${known.join(', ')}`
}

const trialProblem = (spec: ExperimentSpec): string | undefined => {
  for (const [index, assignment] of assignmentsOf(spec).entries()) {
    const problem = jobSpecProblem(trialSpec(spec, index + 1, assignment))
    if (problem) return `trial ${index + 1} (${JSON.stringify(assignment)}): ${problem}`
  }
  return undefined
}

/** @returns what is wrong, with the field and the value; undefined where nothing is */
export const specProblem = (spec: ExperimentSpec): string | undefined =>
  parametersProblem(spec) ?? gridProblem(spec) ?? objectiveProblem(spec) ?? trialProblem(spec)
