/** One look at one experiment: gather, decide, act. */
import { actOnCache } from '../kube/act-on-cache.ts'
import type { ObjectKey } from '../kube/kube-object.ts'
import type { ReconcileResult } from '../kube/run-workers.ts'
import { type Actor, act } from './act.ts'
import { decide } from './decide.ts'
import { type ExperimentCaches, gather } from './gather.ts'

export type ReconcileOptions = Actor & { readonly caches: Omit<ExperimentCaches, 'pace'> }

export const createExperimentReconcile =
  (options: ReconcileOptions) =>
  async (key: ObjectKey): Promise<ReconcileResult | undefined> => {
    const now = options.now()
    const observed = gather({ ...options.caches, pace: options.pace }, key, now)
    if (!observed) {
      options.pace.forget(key)
      return undefined
    }
    const decision = decide(observed, now)
    return actOnCache(() => act(options, observed, decision), decision.requeueAfterMs)
  }
