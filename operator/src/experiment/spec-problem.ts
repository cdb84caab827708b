/** What the schema lets through and a search still cannot work with. */
import { findExperimentProblems } from '@attune/crds/experiment/experiment-problems.ts'
import type { Steps } from '@attune/crds/experiment/steps.ts'
import { formatPath } from '@attune/crds/schema-node.ts'
import type { ExperimentSpec } from './kinds.ts'

/** @returns the first thing that is wrong, with the field and the value; undefined where nothing is */
export const specProblem = function* (spec: ExperimentSpec): Steps<string | undefined> {
  const [first] = yield* findExperimentProblems(spec, 'cluster')
  return first && `${formatPath(first.path)}: ${first.message}`
}
