/**
 * Which trials may start. What a spec refers to, a dataset or a model of the catalogue, is looked up by one
 * trial alone, and the others take it over: trials that start at the same moment could find different things.
 */
import { canonicalJson } from '@attune/crds/canonical-json.ts'
import { trialSpec } from '@attune/crds/experiment/trial-spec.ts'
import type { ResolvedSpec } from '@attune/crds/resolved-spec.ts'
import type { ExperimentSpec } from './kinds.ts'
import type { Trial } from './trial.ts'

type References = Pick<ResolvedSpec, 'model' | 'dataset'>

/** One text for each, equal where the references are. */
const referencesOf = ({ number, assignment }: Trial, spec: ExperimentSpec): readonly string[] => {
  const { model, dataset } = trialSpec(spec, number, assignment) as References
  return [
    ...(model.ref || model.selector ? [`model ${canonicalJson(model)}`] : []),
    ...(dataset.ref ? [`dataset ${dataset.ref.name}`] : []),
  ]
}

const hasFound = ({ job }: Trial, reference: string): boolean =>
  job?.status?.runs?.some(run =>
    reference.startsWith('model ') ? run.model !== undefined : run.content !== undefined,
  ) === true

/** @returns of those that wait the ones that may start now, in their order */
export const startable = (
  trials: readonly Trial[],
  waiting: readonly Trial[],
  spec: ExperimentSpec,
): readonly Trial[] => {
  const found = new Set<string>()
  const beingLookedUp = new Set<string>()
  for (const trial of trials.filter(({ job }) => job !== undefined))
    for (const reference of referencesOf(trial, spec))
      if (hasFound(trial, reference)) found.add(reference)
      else if (trial.isActive) beingLookedUp.add(reference)
  return waiting.filter(trial => {
    const open = referencesOf(trial, spec).filter(reference => !found.has(reference))
    if (open.some(reference => beingLookedUp.has(reference))) return false
    for (const reference of open) beingLookedUp.add(reference)
    return true
  })
}
