/** The loop of the jobs, and what asks their pods and Events for what no object tells. */
import type { OperatorCaches } from '../caches.ts'
import type { Config } from '../config.ts'
import { CHILD_BACKOFF, type Controller, WARNINGS_MS } from '../controller.ts'
import { objectKey } from '../kube/kube-object.ts'
import type { KubeClient } from '../kube/kube-client.ts'
import type { Log } from '../kube/log.ts'
import { createStatusPace } from '../kube/status-pace.ts'
import { createWorkQueue } from '../kube/work-queue.ts'
import type { OperatorMetrics } from '../metrics/operator-metrics.ts'
import type { Actor } from './carry-out.ts'
import { KIND } from './kinds.ts'
import { JOB_LABEL } from './names.ts'
import { createProgressPoller } from './progress-poller.ts'
import { createReconcile } from './reconcile.ts'
import { createWarningReader } from './warning-reader.ts'

type Options = Omit<Actor, 'client'> & {
  readonly client: KubeClient
  readonly config: Config
  readonly caches: OperatorCaches
  readonly metrics: Pick<OperatorMetrics, 'queue' | 'jobMeter'>
  readonly log: Log
}

export const jobController = ({ client, events, now, config, caches, metrics, log }: Options) => {
  const queue = createWorkQueue({ observe: metrics.queue(KIND), backoff: CHILD_BACKOFF })
  const pods = () => caches.pods.list()
  const poller = createProgressPoller({
    pods,
    port: config.trainerPort,
    intervalMs: config.pollIntervalMs,
    onChange: queue.add,
    log,
  })
  const warnings = createWarningReader({
    label: JOB_LABEL,
    client,
    pods,
    stageJobs: () => caches.stageJobs.list(),
    intervalMs: WARNINGS_MS,
    onChange: queue.add,
    log,
  })
  const controller: Controller = {
    kind: KIND,
    queue,
    reconcile: createReconcile({
      client,
      events,
      now,
      meter: metrics.jobMeter,
      pace: createStatusPace(config.pollIntervalMs),
      caches: { ...caches, progress: poller, warnings },
      config,
    }),
    subscribe: caches.subscribe,
    keys: () => caches.jobs.list().map(({ metadata }) => objectKey(metadata)),
  }
  return { controller, readers: [poller, warnings] }
}
