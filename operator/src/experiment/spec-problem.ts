/** What the schema lets through and a search still cannot work with. */
import { experimentProblems } from '@attune/crds/experiment/experiment-problems.ts'
import { formatPath } from '@attune/crds/schema-node.ts'
import type { ExperimentSpec } from './kinds.ts'

/** @returns the first thing that is wrong, with the field and the value; undefined where nothing is */
export const specProblem = (spec: ExperimentSpec): string | undefined => {
  const [first] = experimentProblems(spec, 'cluster')
  return first && `${formatPath(first.path)}: ${first.message}`
}
