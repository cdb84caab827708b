/** Experiments and their trials, as the API server stores them. */
import { GROUP, VERSION } from '@attune/crds/api-group.ts'
import type { ResolvedExperimentSpec } from '@attune/crds/resolved-spec.ts'
import { EXPERIMENT_KIND } from '@attune/crds/tuning-experiment.ts'
import type { TuningExperimentStatus } from '@attune/crds/tuning-experiment-status.ts'
import { defineKind, type KubeObject } from '../kube/kube-object.ts'

export { EXPERIMENT_KIND }

/** Every default of the schema is in. */
export type ExperimentSpec = ResolvedExperimentSpec
export type TuningExperiment = KubeObject<ExperimentSpec, TuningExperimentStatus>

export const TuningExperiments = defineKind<TuningExperiment>({
  group: GROUP,
  version: VERSION,
  plural: 'tuningexperiments',
  kind: EXPERIMENT_KIND,
  namespaced: true,
})
