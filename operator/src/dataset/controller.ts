/** The loop of the datasets, and what asks Events why their pods do not start. */
import type { OperatorCaches } from '../caches.ts'
import { CHILD_BACKOFF, type Controller, WARNINGS_MS } from '../controller.ts'
import type { Actor } from '../job/carry-out.ts'
import type { JobConfig } from '../job/job-config.ts'
import { createWarningReader } from '../job/warning-reader.ts'
import type { KubeClient } from '../kube/kube-client.ts'
import { objectKey } from '../kube/kube-object.ts'
import type { Log } from '../kube/log.ts'
import { createWorkQueue } from '../kube/work-queue.ts'
import type { OperatorMetrics } from '../metrics/operator-metrics.ts'
import { DATASET_KIND } from './kinds.ts'
import { DATASET_LABEL } from './names.ts'
import { createDatasetReconcile } from './reconcile.ts'

type Options = Omit<Actor, 'client'> & {
  readonly client: KubeClient
  readonly config: JobConfig
  readonly caches: OperatorCaches
  readonly metrics: Pick<OperatorMetrics, 'queue'>
  readonly log: Log
}

export const datasetController = (options: Options) => {
  const { client, events, now, config, caches, metrics, log } = options
  const queue = createWorkQueue({ observe: metrics.queue(DATASET_KIND), backoff: CHILD_BACKOFF })
  const warnings = createWarningReader({
    label: DATASET_LABEL,
    client,
    pods: () => caches.pods.list(),
    stageJobs: () => caches.stageJobs.list(),
    intervalMs: WARNINGS_MS,
    onChange: queue.add,
    log,
  })
  const controller: Controller = {
    kind: DATASET_KIND,
    queue,
    reconcile: createDatasetReconcile({
      client,
      events,
      now,
      caches: { ...caches, warnings },
      config,
    }),
    subscribe: caches.subscribeDatasets,
    keys: () => caches.datasets.list().map(({ metadata }) => objectKey(metadata)),
  }
  return { controller, readers: [warnings] }
}
