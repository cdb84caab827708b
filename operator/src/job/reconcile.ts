/** One look at one job: gather, decide, act. */
import { isConflict, isNotFound } from '../kube/kube-error.ts'
import type { ObjectKey } from '../kube/kube-object.ts'
import type { ReconcileResult } from '../kube/run-workers.ts'
import { type Actor, act } from './act.ts'
import { decide } from './decide.ts'
import { type Caches, gather } from './gather.ts'
import type { JobConfig } from './job-config.ts'
import { createJobObserver, type JobMeter } from './job-meter.ts'

export type ReconcileOptions = Actor & {
  readonly caches: Caches
  readonly config: JobConfig
  readonly meter: JobMeter
}

/** The newer version is on its way to the cache, and its arrival leads here sooner. */
const STALE_RETRY_MS = 1_000

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
    try {
      await act(options, observed.job, decision)
      if (decision.status) observer.wrote(key, observed, decision.status, now)
    } catch (error) {
      if (isConflict(error)) return { requeueAfterMs: STALE_RETRY_MS }
      // deleted since it was looked at
      if (isNotFound(error)) return undefined
      throw error
    }
    const { requeueAfterMs } = decision
    return requeueAfterMs === undefined ? undefined : { requeueAfterMs }
  }
}
