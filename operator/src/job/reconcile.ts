/** One look at one job: gather, decide, act. */
import { actOnCache } from '../kube/act-on-cache.ts'
import type { ObjectKey } from '../kube/kube-object.ts'
import type { ReconcileResult } from '../kube/run-workers.ts'
import { act } from './act.ts'
import type { Actor } from './carry-out.ts'
import { decide } from './decide.ts'
import { fenced } from './fence.ts'
import { type Caches, gather } from './gather.ts'
import type { JobConfig } from './job-config.ts'
import { createJobObserver, type JobMeter } from './job-meter.ts'
import { networkChildren } from './network-children.ts'

export type ReconcileOptions = Actor & {
  readonly caches: Caches
  readonly config: JobConfig
  readonly meter: JobMeter
}

export const createReconcile = (options: ReconcileOptions) => {
  const observer = createJobObserver(options.meter)
  return async (key: ObjectKey): Promise<ReconcileResult | undefined> => {
    const observed = gather(options.caches, key)
    if (!observed) {
      observer.gone(key)
      return undefined
    }
    const now = options.now()
    const { config } = options
    const present = { owner: observed.job, pods: observed.pods, jobs: observed.stageJobs }
    const network = () => networkChildren({ observed, config })
    const decision = fenced(decide(observed, now, config), present, network)
    return actOnCache(async () => {
      await act(options, observed.job, decision)
      if (decision.status) observer.wrote(key, observed, decision.status, now)
    }, decision.requeueAfterMs)
  }
}
