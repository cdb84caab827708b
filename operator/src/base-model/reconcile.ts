/** One look at one entry of the catalogue: gather, decide, act. */
import type { EventRecorder } from '../kube/events.ts'
import type { KubeClient } from '../kube/kube-client.ts'
import { isConflict, isNotFound } from '../kube/kube-error.ts'
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

/** The newer version is on its way to the cache, and its arrival leads here sooner. */
const STALE_RETRY_MS = 1_000

export const createBaseModelReconcile =
  (options: ReconcileOptions) =>
  async (key: ObjectKey): Promise<ReconcileResult | undefined> => {
    const observed = await gather(options, key)
    if (!observed) return undefined
    const decision = decide(observed, options.now())
    try {
      await act(options, observed.model, decision)
    } catch (error) {
      if (isConflict(error)) return { requeueAfterMs: STALE_RETRY_MS }
      // deleted since it was looked at
      if (isNotFound(error)) return undefined
      throw error
    }
    const { requeueAfterMs } = decision
    return requeueAfterMs === undefined ? undefined : { requeueAfterMs }
  }
