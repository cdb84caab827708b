/** The loop of the experiments. */
import type { OperatorCaches } from '../caches.ts'
import type { Config } from '../config.ts'
import { CHILD_BACKOFF, type Controller } from '../controller.ts'
import { objectKey } from '../kube/kube-object.ts'
import { createStatusPace } from '../kube/status-pace.ts'
import { createWorkQueue } from '../kube/work-queue.ts'
import type { OperatorMetrics } from '../metrics/operator-metrics.ts'
import type { Actor } from './act.ts'
import { EXPERIMENT_KIND } from './kinds.ts'
import { createExperimentReconcile } from './reconcile.ts'
import { createSearches } from './search.ts'

type Options = Omit<Actor, 'pace'> & {
  readonly config: Pick<Config, 'pollIntervalMs'>
  readonly caches: OperatorCaches
  readonly metrics: Pick<OperatorMetrics, 'queue'>
}

export const experimentController = (options: Options): Controller => {
  const { client, events, now, config, caches, metrics } = options
  const queue = createWorkQueue({
    observe: metrics.queue(EXPERIMENT_KIND),
    backoff: CHILD_BACKOFF,
  })
  return {
    kind: EXPERIMENT_KIND,
    queue,
    reconcile: createExperimentReconcile({
      client,
      events,
      now,
      caches,
      searches: createSearches(),
      // the trials' own figures are no newer
      pace: createStatusPace(config.pollIntervalMs),
    }),
    subscribe: handle =>
      caches.subscribeExperiments(handle, key => queue.addAfter(key, config.pollIntervalMs)),
    keys: () => caches.experiments.list().map(({ metadata }) => objectKey(metadata)),
  }
}
