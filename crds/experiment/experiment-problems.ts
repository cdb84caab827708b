/** What the schema lets through and a search still cannot work with, told before anything is made. */
import { canonicalJson } from '../canonical-json.ts'
import { jobSpecProblems } from '../check-job-spec.ts'
import type { Mode } from '../check-rules.ts'
import { nearest } from '../did-you-mean.ts'
import { type FieldProblem, listed, shown } from '../field-problem.ts'
import type { ResolvedExperimentSpec } from '../resolved-spec.ts'
import { type FieldPath, fieldSchema, type SchemaNode } from '../schema-node.ts'
import { TEMPLATE, TRIALS_MAX } from '../tuning-experiment-spec.ts'
import { choicesOf, fieldOf, POINTS_MAX, pointsIn } from './parameter-values.ts'
import { reductionFactor, rungSize, rungsOf } from './rungs.ts'
import { assignmentsOf } from './search-space.ts'
import { trialProblems } from './trial-problems.ts'

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

const problem = (path: FieldPath, message: string): FieldProblem => ({
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

const parameterProblems = (spec: Spec): readonly FieldProblem[] =>
  spec.parameters.flatMap((parameter, index) => {
    const at = ['parameters', index]
    const found =
      pathProblem(parameter, at) ??
      halvedLength(parameter, spec, at) ??
      rangeProblem(parameter, spec, at) ??
      repeatProblem(parameter, at)
    return found ? [found] : []
  })

const gridProblems = ({ strategy, parameters, maxTrials }: Spec): readonly FieldProblem[] => {
  if (strategy.type !== 'Grid') return []
  const sizes = parameters.map(parameter => choicesOf(parameter)?.length ?? 1)
  const size = sizes.reduce((all, choices) => all * choices, 1)
  if (size <= (maxTrials ?? TRIALS_MAX)) return []
  const product = sizes.length > 1 ? `${sizes.join(' × ')} = ${size}` : size
  const limit = maxTrials === undefined ? `at most ${TRIALS_MAX}` : `maxTrials is ${maxTrials}`
  const message = `the grid has ${product} combinations, and ${limit}; use fewer values, a larger maxTrials (up to ${TRIALS_MAX}), or strategy.type Random`
  return [problem([maxTrials === undefined ? 'parameters' : 'maxTrials'], message)]
}

/** Rungs after one trial is left compare nothing; one of them may come from a length that is no power. */
const SPARE_RUNGS = 1

const rungProblems = (spec: Spec): readonly FieldProblem[] => {
  const { strategy, maxTrials = 1, template } = spec
  if (strategy.type !== 'SuccessiveHalving') return []
  const trials = assignmentsOf(spec).length
  if (trials < 2)
    return [
      problem(
        [maxTrials < 2 ? 'maxTrials' : 'parameters'],
        `SuccessiveHalving with ${trials} trial has nothing to choose from; raise maxTrials, or vary more`,
      ),
    ]
  const rungs = rungsOf(spec).length
  const factor = reductionFactor(spec)
  const alone = rungsOf(spec).findIndex((_, rung) => rungSize(trials, rung, factor) === 1)
  if (alone < 0 || rungs - 1 - alone <= SPARE_RUNGS) return []
  const least = Math.ceil((template.training.maxSteps ?? 1) / factor ** alone)
  const message = `${strategy.minSteps} makes ${rungs} rungs, and of ${trials} trials one is left after ${alone}; raise it to ${least}, or raise maxTrials`
  return [problem(['strategy', 'minSteps'], message)]
}

const objectiveProblems = ({ objective: { metric }, template }: Spec): readonly FieldProblem[] => {
  const { suites } = template.evaluation
  if (metric === 'validationLoss') return []
  const known = suites.flatMap(suite => suite.metrics.map(each => `${suite.name}/${each}`))
  if (known.length === 0)
    return [
      problem(
        ['template', 'evaluation', 'suites'],
        `without a suite there is no ${metric}; add one, or use objective.metric validationLoss`,
      ),
    ]
  if (metric === 'score' || known.includes(metric)) return []
  const message = `no suite measures ${metric}; the suites measure ${listed(known, 'and')}`
  return [problem(['objective', 'metric'], message)]
}

/** @param spec fits the schema, and has its defaults */
export const experimentProblems = (spec: Spec, mode: Mode): readonly FieldProblem[] => {
  const unclear = [...parameterProblems(spec)]
  // which trials there are is known only then
  const space = unclear.length > 0 ? unclear : gridProblems(spec)
  const trials =
    space.length > 0
      ? []
      : [...rungProblems(spec), ...trialProblems(spec, job => jobSpecProblems(job, mode))]
  return [...space, ...objectiveProblems(spec), ...trials]
}
