/** One look at one dataset: gather, decide, act. */
import type { Actor } from '../job/carry-out.ts'
import { fenced } from '../job/fence.ts'
import type { JobConfig } from '../job/job-config.ts'
import { networkChanges } from '../job/network-children.ts'
import { actOnCache } from '../kube/act-on-cache.ts'
import type { ObjectKey } from '../kube/kube-object.ts'
import type { ReconcileResult } from '../kube/run-workers.ts'
import { act } from './act.ts'
import { decide } from './decide.ts'
import { type DatasetCaches, gather } from './gather.ts'
import { datasetNetwork } from './objects.ts'

export type ReconcileOptions = Actor & {
  readonly caches: DatasetCaches
  readonly config: JobConfig
}

export const createDatasetReconcile =
  (options: ReconcileOptions) =>
  async (key: ObjectKey): Promise<ReconcileResult | undefined> => {
    const observed = gather(options.caches, key)
    if (!observed) return undefined
    const { config } = options
    const { dataset, pods, curateJobs: jobs, networkPolicies } = observed
    const network = () => networkChanges(datasetNetwork({ dataset, config }), networkPolicies)
    const present = { owner: dataset, pods, jobs }
    const decision = fenced(decide(observed, options.now(), config), present, network)
    return actOnCache(() => act(options, observed.dataset, decision), decision.requeueAfterMs)
  }
