/** Which trials an experiment has: a pure function of its spec. */
import { canonicalJson } from '../canonical-json.ts'
import { uniform } from './draw.ts'
import type { ResolvedExperimentSpec } from '../resolved-spec.ts'
import { choicesOf, drawnValue } from './parameter-values.ts'
import { runSteps, type Steps } from './steps.ts'

/** Value by path. */
export type Assignment = Readonly<Record<string, unknown>>
type Space = Pick<ResolvedExperimentSpec, 'parameters' | 'strategy' | 'maxTrials' | 'seed'>

/** So often is a combination drawn anew that an earlier trial has; then the space counts as exhausted. */
const REDRAWS = 100

/** The last parameter changes fastest. */
const grid = ({ parameters }: Space): readonly Assignment[] =>
  parameters.reduce<readonly Assignment[]>(
    (found, parameter) =>
      found.flatMap(assignment =>
        (choicesOf(parameter) ?? []).map(value => ({ ...assignment, [parameter.path]: value })),
      ),
    [{}],
  )

const drawn = ({ parameters, seed }: Space, trial: number, attempt: number): Assignment =>
  Object.fromEntries(
    parameters.map(parameter => [
      parameter.path,
      drawnValue(parameter, uniform(seed, trial, attempt, parameter.path)),
    ]),
  )

const random = function* (space: Space): Steps<readonly Assignment[]> {
  const found = new Map<string, Assignment>()
  for (let trial = 1; trial <= (space.maxTrials ?? 1); trial += 1) {
    const before = found.size
    for (let attempt = 0; found.size === before && attempt < REDRAWS; attempt += 1) {
      const assignment = drawn(space, trial, attempt)
      const key = canonicalJson(assignment)
      if (!found.has(key)) found.set(key, assignment)
    }
    if (found.size === before) break
    yield
  }
  return [...found.values()]
}

/** As `assignmentsOf`, a trial a step. */
export const findAssignments = function* (space: Space): Steps<readonly Assignment[]> {
  return space.strategy.type === 'Grid' ? grid(space) : yield* random(space)
}

/** The first is trial 1. A trial does not depend on those after it. */
export const assignmentsOf = (space: Space): readonly Assignment[] =>
  runSteps(findAssignments(space))
