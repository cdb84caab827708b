/** One look at one job: gather, decide, act. */
import type { ObjectKey } from '../kube/kube-object.ts'
import type { ReconcileResult } from '../kube/run-workers.ts'
import { type Actor, act } from './act.ts'
import { decide } from './decide.ts'
import { type Caches, gather } from './gather.ts'
import type { JobConfig } from './job-config.ts'

export type ReconcileOptions = Actor & { readonly caches: Caches; readonly config: JobConfig }

export const createReconcile =
  (options: ReconcileOptions) =>
  async (key: ObjectKey): Promise<ReconcileResult | undefined> => {
    const observed = gather(options.caches, key)
    if (!observed) return undefined
    const decision = decide(observed, options.now(), options.config)
    await act(options, observed.job, decision)
    const { requeueAfterMs } = decision
    return requeueAfterMs === undefined ? undefined : { requeueAfterMs }
  }
