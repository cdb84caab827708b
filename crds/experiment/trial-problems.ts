/** What is wrong with the jobs of an experiment's trials, told at the field of the experiment that it comes from. */
import { canonicalJson } from '../canonical-json.ts'
import type { FieldProblem } from '../field-problem.ts'
import type { ResolvedExperimentSpec } from '../resolved-spec.ts'
import { type FieldPath, formatPath } from '../schema-node.ts'
import { type Assignment, findAssignments } from './search-space.ts'
import { runSteps, type Steps } from './steps.ts'
import { trialSpec } from './trial-spec.ts'

type Parameter = ResolvedExperimentSpec['parameters'][number]

const isWithin = (path: FieldPath, outer: FieldPath): boolean =>
  outer.every((step, i) => path[i] === step)

const placeOfValue = ({ values }: Parameter, value: unknown): FieldPath => {
  const at = values?.findIndex(each => canonicalJson(each) === canonicalJson(value)) ?? -1
  return at < 0 ? ['range'] : ['values', at]
}

/** A varied field, else a parameter below a field that a rule of the job looks at, else the template. */
const placeOf = (
  { parameters }: ResolvedExperimentSpec,
  assignment: Assignment,
  path: FieldPath,
): FieldPath => {
  const keys = parameters.map(parameter => parameter.path.split('.'))
  const varied = keys.findIndex(each => isWithin(path, each))
  const parameter = parameters[varied]
  if (parameter)
    return ['spec', 'parameters', varied, ...placeOfValue(parameter, assignment[parameter.path])]
  const below = path.length > 0 ? keys.findIndex(each => isWithin(each, path)) : -1
  return below < 0 ? ['spec', 'template', ...path] : ['spec', 'parameters', below, 'path']
}

type Check = (job: Readonly<Record<string, unknown>>) => readonly FieldProblem[]

/** As `trialProblems`, a trial a step. */
export const findTrialProblems = function* (
  spec: ResolvedExperimentSpec,
  check: Check,
): Steps<readonly FieldProblem[]> {
  const found = new Map<string, { readonly problem: FieldProblem; trials: Set<number> }>()
  for (const [index, assignment] of (yield* findAssignments(spec)).entries()) {
    yield
    for (const problem of check(trialSpec(spec, index + 1, assignment))) {
      const path = placeOf(spec, assignment, problem.path)
      const where = formatPath(['spec', ...problem.path])
      const message = `trial ${index + 1} (${JSON.stringify(assignment)}): ${where} ${problem.message}`
      const known = found.get(formatPath(path))
      if (known) known.trials.add(index)
      else
        found.set(formatPath(path), {
          problem: { ...problem, path, part: 'value', message },
          trials: new Set([index]),
        })
    }
  }
  return [...found.values()].map(({ problem, trials }) =>
    trials.size === 1
      ? problem
      : { ...problem, message: `${problem.message} (and ${trials.size - 1} more trials)` },
  )
}

/**
 * One problem for each place, in the words of the first trial that has it.
 * @param check what is wrong with the spec of a job; paths begin below `spec`
 */
export const trialProblems = (
  spec: ResolvedExperimentSpec,
  check: Check,
): readonly FieldProblem[] => runSteps(findTrialProblems(spec, check))
