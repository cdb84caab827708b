/** Everything a decision about an experiment looks at, from memory only. */
import type { InstructionTuningJob } from '../job/kinds.ts'
import type { ObjectKey } from '../kube/kube-object.ts'
import { within } from '../kube/predicates.ts'
import type { StatusPace } from '../kube/status-pace.ts'
import type { StoreReader } from '../kube/store.ts'
import type { TuningExperiment } from './kinds.ts'
import type { Observed } from './situation.ts'

export type ExperimentCaches = {
  readonly experiments: Pick<StoreReader<TuningExperiment>, 'get'>
  readonly jobs: Pick<StoreReader<InstructionTuningJob>, 'ownedBy'>
  readonly pace: Pick<StatusPace, 'holdMs'>
}

export const gather = (
  caches: ExperimentCaches,
  key: ObjectKey,
  now: number,
): Observed | undefined => {
  const experiment = caches.experiments.get(key)
  const uid = experiment?.metadata.uid
  if (!experiment || uid === undefined) return undefined
  return {
    experiment,
    jobs: within(experiment.metadata.namespace, caches.jobs.ownedBy(uid)),
    holdMs: caches.pace.holdMs(key, now),
  }
}
