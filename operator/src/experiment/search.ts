/** What follows from an experiment's spec alone: found once for each, whatever becomes of its trials. */
import { type Assignment, findAssignments } from '@attune/crds/experiment/search-space.ts'
import type { Steps } from '@attune/crds/experiment/steps.ts'
import { runInSlices, type SliceOptions } from '../kube/run-in-slices.ts'
import type { Experiment } from './at-work.ts'
import type { ExperimentSpec } from './kinds.ts'
import { specProblem } from './spec-problem.ts'

export type Search = {
  /** of trial 1, 2, … */
  readonly assignments: readonly Assignment[]
  /** what is wrong with a spec that status does not speak of yet */
  readonly problem?: string
}

export type Searches = (experiment: Experiment) => Promise<Search>

type Options = SliceOptions & {
  readonly maxKept?: number
  readonly find?: {
    readonly assignments: (spec: ExperimentSpec) => Steps<readonly Assignment[]>
    readonly problem: (spec: ExperimentSpec) => Steps<string | undefined>
  }
}

/** Of a large experiment some 200 KB; the one longest unused goes first, and is found again. */
const MAX_KEPT = 128
const FIND = { assignments: findAssignments, problem: specProblem }

type Kept = {
  readonly generation: number | undefined
  assignments?: readonly Assignment[]
  checked?: { readonly problem: string | undefined }
}

const createMemory = (maxKept: number) => {
  const kept = new Map<string, Kept>()
  return ({ metadata: { uid = '', generation } }: Experiment): Kept => {
    const known = kept.get(uid)
    const entry: Kept = known && known.generation === generation ? known : { generation }
    kept.delete(uid)
    kept.set(uid, entry)
    for (const oldest of kept.keys()) {
      if (kept.size <= maxKept) break
      kept.delete(oldest)
    }
    return entry
  }
}

export const createSearches = (options: Options = {}): Searches => {
  const { maxKept = MAX_KEPT, find = FIND } = options
  const recall = createMemory(maxKept)
  return async experiment => {
    const { metadata, spec, status } = experiment
    const entry = recall(experiment)
    const isTold = status?.observedGeneration === metadata.generation
    if (!isTold) entry.checked ??= { problem: await runInSlices(find.problem(spec), options) }
    const problem = isTold ? undefined : entry.checked?.problem
    // one that asks too much has no trials to be found
    if (problem !== undefined) return { assignments: [], problem }
    entry.assignments ??= await runInSlices(find.assignments(spec), options)
    return { assignments: entry.assignments }
  }
}
