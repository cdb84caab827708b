/** Everything a decision about an experiment looks at, from memory only. */
import type { InstructionTuningJob } from '../job/kinds.ts'
import { objectKey } from '../kube/kube-object.ts'
import { within } from '../kube/predicates.ts'
import type { StatusPace } from '../kube/status-pace.ts'
import type { StoreReader } from '../kube/store.ts'
import type { Experiment } from './at-work.ts'
import type { TuningExperiment } from './kinds.ts'
import type { Search } from './search.ts'
import type { Observed } from './situation.ts'

export type ExperimentCaches = {
  readonly experiments: Pick<StoreReader<TuningExperiment>, 'get'>
  readonly jobs: Pick<StoreReader<InstructionTuningJob>, 'ownedBy'>
  readonly pace: Pick<StatusPace, 'holdMs'>
}

export const gather = (
  caches: ExperimentCaches,
  experiment: Experiment,
  search: Search,
  now: number,
): Observed => {
  const { namespace, uid = '' } = experiment.metadata
  return {
    experiment,
    search,
    jobs: within(namespace, caches.jobs.ownedBy(uid)),
    holdMs: caches.pace.holdMs(objectKey(experiment.metadata), now),
  }
}
