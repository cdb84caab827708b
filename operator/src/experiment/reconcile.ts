/** One look at one experiment: gather, decide, act. */
import { isConflict, isNotFound } from '../kube/kube-error.ts'
import type { ObjectKey } from '../kube/kube-object.ts'
import type { ReconcileResult } from '../kube/run-workers.ts'
import { type Actor, act } from './act.ts'
import { decide } from './decide.ts'
import { type ExperimentCaches, gather } from './gather.ts'

export type ReconcileOptions = Actor & { readonly caches: ExperimentCaches }

/** The newer version is on its way to the cache, and its arrival leads here sooner. */
const STALE_RETRY_MS = 1_000

export const createExperimentReconcile =
  (options: ReconcileOptions) =>
  async (key: ObjectKey): Promise<ReconcileResult | undefined> => {
    const observed = gather(options.caches, key)
    if (!observed) return undefined
    try {
      await act(options, observed.experiment, decide(observed, options.now()))
    } catch (error) {
      if (isConflict(error)) return { requeueAfterMs: STALE_RETRY_MS }
      // deleted since it was looked at
      if (isNotFound(error)) return undefined
      throw error
    }
    return undefined
  }
