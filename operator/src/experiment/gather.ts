/** Everything a decision about an experiment looks at, from caches only. */
import type { InstructionTuningJob } from '../job/kinds.ts'
import type { ObjectKey } from '../kube/kube-object.ts'
import type { StoreReader } from '../kube/store.ts'
import type { TuningExperiment } from './kinds.ts'
import type { Observed } from './situation.ts'

export type ExperimentCaches = {
  readonly experiments: Pick<StoreReader<TuningExperiment>, 'get'>
  readonly jobs: Pick<StoreReader<InstructionTuningJob>, 'ownedBy'>
}

export const gather = (caches: ExperimentCaches, key: ObjectKey): Observed | undefined => {
  const experiment = caches.experiments.get(key)
  const uid = experiment?.metadata.uid
  if (!experiment || uid === undefined) return undefined
  const { namespace } = experiment.metadata
  // a uid that an owner reference names is only text: another tenant can write it too
  const jobs = caches.jobs.ownedBy(uid).filter(({ metadata }) => metadata.namespace === namespace)
  return { experiment, jobs }
}
