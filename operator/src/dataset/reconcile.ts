/** One look at one dataset: gather, decide, act. */
import type { Actor } from '../job/act.ts'
import type { JobConfig } from '../job/job-config.ts'
import { isConflict, isNotFound } from '../kube/kube-error.ts'
import type { ObjectKey } from '../kube/kube-object.ts'
import type { ReconcileResult } from '../kube/run-workers.ts'
import { act } from './act.ts'
import { decide } from './decide.ts'
import { type DatasetCaches, gather } from './gather.ts'

export type ReconcileOptions = Actor & {
  readonly caches: DatasetCaches
  readonly config: JobConfig
}

/** The newer version is on its way to the cache, and its arrival leads here sooner. */
const STALE_RETRY_MS = 1_000

export const createDatasetReconcile =
  (options: ReconcileOptions) =>
  async (key: ObjectKey): Promise<ReconcileResult | undefined> => {
    const observed = gather(options.caches, key)
    if (!observed) return undefined
    const decision = decide(observed, options.now(), options.config)
    try {
      await act(options, observed.dataset, decision)
    } catch (error) {
      if (isConflict(error)) return { requeueAfterMs: STALE_RETRY_MS }
      // deleted since it was looked at
      if (isNotFound(error)) return undefined
      throw error
    }
    const { requeueAfterMs } = decision
    return requeueAfterMs === undefined ? undefined : { requeueAfterMs }
  }
