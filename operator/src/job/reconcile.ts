/** One look at one job: gather, decide, act. */
import { actOnCache } from '../kube/act-on-cache.ts'
import type { ObjectKey } from '../kube/kube-object.ts'
import type { ReconcileResult } from '../kube/run-workers.ts'
import { act } from './act.ts'
import type { Actor } from './carry-out.ts'
import { decide } from './decide.ts'
import { type Caches, gather } from './gather.ts'
import type { JobConfig } from './job-config.ts'
import { createJobObserver, type JobMeter } from './job-meter.ts'

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
    const decision = decide(observed, now, options.config)
    return actOnCache(async () => {
      await act(options, observed.job, decision)
      if (decision.status) observer.wrote(key, observed, decision.status, now)
    }, decision.requeueAfterMs)
  }
}
