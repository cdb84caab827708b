/** The loop of the catalogue, made where the operator reads and verifies it. */
import { BASE_MODEL_KIND } from '@attune/crds/base-model.ts'
import type { OperatorCaches } from '../caches.ts'
import type { Config } from '../config.ts'
import type { Controller } from '../controller.ts'
import { objectKey } from '../kube/kube-object.ts'
import { createWorkQueue } from '../kube/work-queue.ts'
import type { OperatorMetrics } from '../metrics/operator-metrics.ts'
import type { Actor } from './act.ts'
import { createHubClient } from './hub-client.ts'
import { createLooks } from './looks.ts'
import { createReadSource } from './read-source.ts'
import { createBaseModelReconcile } from './reconcile.ts'

/** Of the API server: silence of the hub is no failure. */
const BACKOFF = { baseMs: 1_000, capMs: 60_000 }

type Options = Actor & {
  readonly config: Pick<Config, 'verifyCatalogue' | 'hubEndpoint' | 'proxy'>
  readonly caches: Pick<OperatorCaches, 'baseModels'>
  readonly metrics: Pick<OperatorMetrics, 'queue' | 'hubAnswered'>
  readonly now: () => number
}

/** @returns none where the catalogue is not there to be verified */
export const baseModelControllers = ({
  config,
  caches: { baseModels },
  metrics,
  ...actor
}: Options): readonly Controller[] => {
  if (!baseModels || !config.verifyCatalogue) return []
  const looks = createLooks({
    read: createReadSource({ hub: createHubClient(config.hubEndpoint, config.proxy) }),
    now: actor.now,
    observe: finding =>
      metrics.hubAnswered(finding.kind === 'config' ? 'ConfigRead' : finding.reason),
  })
  return [
    {
      kind: BASE_MODEL_KIND,
      queue: createWorkQueue({ observe: metrics.queue(BASE_MODEL_KIND), backoff: BACKOFF }),
      reconcile: createBaseModelReconcile({ ...actor, models: baseModels, looks }),
      subscribe: handle => void baseModels.subscribe({ handle }),
      keys: () => baseModels.list().map(({ metadata }) => objectKey(metadata)),
    },
  ]
}
