/** One look at one experiment: gather, decide, act. */
import { actOnCache } from '../kube/act-on-cache.ts'
import type { ObjectKey } from '../kube/kube-object.ts'
import type { ReconcileResult } from '../kube/run-workers.ts'
import { type Actor, act } from './act.ts'
import { isAtWork } from './at-work.ts'
import { decide } from './decide.ts'
import { type ExperimentCaches, gather } from './gather.ts'
import type { Searches } from './search.ts'

export type ReconcileOptions = Actor & {
  readonly caches: Omit<ExperimentCaches, 'pace'>
  readonly searches: Searches
}

export const createExperimentReconcile = (options: ReconcileOptions) => {
  const { caches, pace, searches } = options
  return async (key: ObjectKey): Promise<ReconcileResult | undefined> => {
    const experiment = caches.experiments.get(key)
    if (experiment?.metadata.uid === undefined) {
      pace.forget(key)
      return undefined
    }
    if (!isAtWork(experiment)) return undefined
    const search = await searches(experiment)
    // a version that came meanwhile is in the queue already
    if (caches.experiments.get(key) !== experiment) return undefined
    const now = options.now()
    const observed = gather({ ...caches, pace }, experiment, search, now)
    const decision = decide(observed, now)
    return actOnCache(() => act(options, observed, decision), decision.requeueAfterMs)
  }
}
