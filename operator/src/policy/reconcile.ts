/** One look at one policy: gather, decide, act. */
import { actOnCache } from '../kube/act-on-cache.ts'
import type { ObjectKey } from '../kube/kube-object.ts'
import type { ReconcileResult } from '../kube/run-workers.ts'
import { type Actor, act } from './act.ts'
import { decide } from './decide.ts'
import { type GatherOptions, gather } from './gather.ts'

export type ReconcileOptions = Actor & Omit<GatherOptions, 'pace'>

export const createPolicyReconcile =
  (options: ReconcileOptions) =>
  async (key: ObjectKey): Promise<ReconcileResult | undefined> => {
    const now = options.now()
    const observed = gather(options, key, now)
    if (!observed) {
      options.pace.forget(key)
      return undefined
    }
    const decision = decide(observed, now)
    return actOnCache(() => act(options, observed.policy, decision), decision.requeueAfterMs)
  }
