/** What the schema lets through and a search still cannot work with, told before anything is made. */
import { jobSpecProblems } from '../check-job-spec.ts'
import type { Mode } from '../check-rules.ts'
import { type FieldProblem, listed } from '../field-problem.ts'
import type { ResolvedExperimentSpec } from '../resolved-spec.ts'
import { TRIALS_MAX } from '../tuning-experiment-spec.ts'
import { parameterProblems, problem } from './parameter-problems.ts'
import { choicesOf } from './parameter-values.ts'
import { reductionFactor, rungSize, rungsOf } from './rungs.ts'
import { findAssignments } from './search-space.ts'
import { runSteps, type Steps } from './steps.ts'
import { findTrialProblems } from './trial-problems.ts'

type Spec = ResolvedExperimentSpec
type Problems = Steps<readonly FieldProblem[]>

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

const rungProblems = function* (spec: Spec): Problems {
  const { strategy, maxTrials = 1, template } = spec
  if (strategy.type !== 'SuccessiveHalving') return []
  const trials = (yield* findAssignments(spec)).length
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

/** Values that no job takes, of the parameters that are clear while others are not. */
const valueProblems = function* (spec: Spec, clear: readonly number[], mode: Mode): Problems {
  const parameters = clear.flatMap(index => spec.parameters[index] ?? [])
  const part = { ...spec, parameters }
  if (clear.length === 0 || gridProblems(part).length > 0) return []
  const problems = yield* findTrialProblems(part, job => jobSpecProblems(job, mode))
  return problems.flatMap(found => {
    const [, section, index, ...rest] = found.path
    const isValue = section === 'parameters' && rest[0] !== 'path'
    const at = clear[Number(index)]
    return isValue && at !== undefined
      ? [{ ...found, path: ['spec', 'parameters', at, ...rest] }]
      : []
  })
}

const searchProblems = function* (spec: Spec, mode: Mode): Problems {
  const unclear = parameterProblems(spec)
  if (unclear.length > 0) {
    const known = new Set(unclear.map(({ path }) => path[2]))
    const clear = [...spec.parameters.keys()].filter(index => !known.has(index))
    return [...unclear, ...(yield* valueProblems(spec, clear, mode))]
  }
  const size = gridProblems(spec)
  if (size.length > 0) return size
  const rungs = yield* rungProblems(spec)
  return [...rungs, ...(yield* findTrialProblems(spec, job => jobSpecProblems(job, mode)))]
}

/** As `experimentProblems`, a trial a step. */
export const findExperimentProblems = function* (spec: Spec, mode: Mode): Problems {
  return [...(yield* searchProblems(spec, mode)), ...objectiveProblems(spec)]
}

/** @param spec fits the schema, and has its defaults */
export const experimentProblems = (spec: Spec, mode: Mode): readonly FieldProblem[] =>
  runSteps(findExperimentProblems(spec, mode))
