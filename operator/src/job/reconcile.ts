/** One look at one job: gather, decide, act. */
import type { InstructionTuningJobStatus } from '@attune/crds/instruction-tuning-job-status.ts'
import { actOnCache } from '../kube/act-on-cache.ts'
import type { ObjectKey } from '../kube/kube-object.ts'
import type { ReconcileResult } from '../kube/run-workers.ts'
import type { StatusPace } from '../kube/status-pace.ts'
import { act } from './act.ts'
import type { Actor } from './carry-out.ts'
import { decide } from './decide.ts'
import { fenced } from './fence.ts'
import { type Caches, gather } from './gather.ts'
import type { JobConfig } from './job-config.ts'
import { createJobObserver, type JobMeter } from './job-meter.ts'
import { networkChildren } from './network-children.ts'

export type ReconcileOptions = Actor & {
  readonly caches: Omit<Caches, 'pace'>
  readonly config: JobConfig
  readonly meter: JobMeter
  readonly pace: StatusPace
}

export const createReconcile = (options: ReconcileOptions) => {
  const { pace } = options
  const observer = createJobObserver(options.meter)
  const caches = { ...options.caches, pace }
  return async (key: ObjectKey): Promise<ReconcileResult | undefined> => {
    const now = options.now()
    const observed = gather(caches, key, now)
    if (!observed) {
      observer.gone(key)
      pace.forget(key)
      return undefined
    }
    const { config } = options
    const present = { owner: observed.job, pods: observed.pods, jobs: observed.stageJobs }
    const network = () => networkChildren({ observed, config })
    const decision = fenced(decide(observed, now, config), present, network)
    const wrote = (status: InstructionTuningJobStatus) => {
      pace.wrote(key, options.now())
      observer.wrote(key, observed, status, now)
    }
    return actOnCache(() => act(options, { observed, decision }, wrote), decision.requeueAfterMs)
  }
}
