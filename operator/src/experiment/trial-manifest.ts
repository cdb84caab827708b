/** Manifest of one trial's job. */
import { API_VERSION } from '@attune/crds/api-group.ts'
import type { Assignment } from '@attune/crds/experiment/search-space.ts'
import { trialSpec } from '@attune/crds/experiment/trial-spec.ts'
import { KIND } from '../job/kinds.ts'
import type { Manifest } from '../kube/kube-client.ts'
import { controllerReference } from '../kube/kube-object.ts'
import type { ExperimentSpec, TuningExperiment } from './kinds.ts'
import { trialLabels, trialName } from './names.ts'

export const trialManifest = (
  experiment: TuningExperiment & { readonly spec: ExperimentSpec },
  trial: number,
  assignment: Assignment,
): Manifest => {
  const { name, namespace } = experiment.metadata
  return {
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: {
      name: trialName(name, trial),
      ...(namespace ? { namespace } : {}),
      labels: trialLabels(name, trial),
      ownerReferences: [controllerReference(experiment)],
    },
    spec: trialSpec(experiment.spec, trial, assignment),
  }
}
