/** One look at one entry of the catalogue: gather, decide, act. */
import { actOnCache } from '../kube/act-on-cache.ts'
import type { EventRecorder } from '../kube/events.ts'
import type { KubeClient } from '../kube/kube-client.ts'
import type { ObjectKey } from '../kube/kube-object.ts'
import type { ReconcileResult } from '../kube/run-workers.ts'
import { act } from './act.ts'
import { decide } from './decide.ts'
import { type GatherOptions, gather } from './gather.ts'

export type ReconcileOptions = GatherOptions & {
  readonly client: Pick<KubeClient, 'applyStatus'>
  readonly events: Pick<EventRecorder, 'record'>
  readonly now: () => number
}

export const createBaseModelReconcile =
  (options: ReconcileOptions) =>
  async (key: ObjectKey): Promise<ReconcileResult | undefined> => {
    const observed = await gather(options, key)
    if (!observed) return undefined
    const decision = decide(observed, options.now())
    return actOnCache(() => act(options, observed.model, decision), decision.requeueAfterMs)
  }
