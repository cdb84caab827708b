/** One look at one job: gather, decide, act. */
import { isConflict, isNotFound } from '../kube/kube-error.ts'
import type { ObjectKey } from '../kube/kube-object.ts'
import type { ReconcileResult } from '../kube/run-workers.ts'
import { type Actor, act } from './act.ts'
import { decide } from './decide.ts'
import { type Caches, gather } from './gather.ts'
import type { JobConfig } from './job-config.ts'

export type ReconcileOptions = Actor & { readonly caches: Caches; readonly config: JobConfig }

/** The newer version is on its way to the cache, and its arrival leads here sooner. */
const STALE_RETRY_MS = 1_000

export const createReconcile =
  (options: ReconcileOptions) =>
  async (key: ObjectKey): Promise<ReconcileResult | undefined> => {
    const observed = gather(options.caches, key)
    if (!observed) return undefined
    const decision = decide(observed, options.now(), options.config)
    try {
      await act(options, observed.job, decision)
    } catch (error) {
      if (isConflict(error)) return { requeueAfterMs: STALE_RETRY_MS }
      // deleted since it was looked at
      if (isNotFound(error)) return undefined
      throw error
    }
    const { requeueAfterMs } = decision
    return requeueAfterMs === undefined ? undefined : { requeueAfterMs }
  }
