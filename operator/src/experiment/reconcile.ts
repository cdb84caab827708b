/** One look at one experiment: gather, decide, act. */
import { actOnCache } from '../kube/act-on-cache.ts'
import type { ObjectKey } from '../kube/kube-object.ts'
import type { ReconcileResult } from '../kube/run-workers.ts'
import { type Actor, act } from './act.ts'
import { decide } from './decide.ts'
import { type ExperimentCaches, gather } from './gather.ts'

export type ReconcileOptions = Actor & { readonly caches: ExperimentCaches }

export const createExperimentReconcile =
  (options: ReconcileOptions) =>
  async (key: ObjectKey): Promise<ReconcileResult | undefined> => {
    const observed = gather(options.caches, key)
    if (!observed) return undefined
    const decision = decide(observed, options.now())
    return actOnCache(() => act(options, observed.experiment, decision))
  }
