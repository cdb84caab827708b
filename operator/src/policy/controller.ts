/** The loop of the policies, made where the operator checks them and may write their status. */
import { POLICY_KIND } from '@attune/crds/tuning-policy.ts'
import type { OperatorCaches } from '../caches.ts'
import type { Config } from '../config.ts'
import type { Controller } from '../controller.ts'
import { objectKey } from '../kube/kube-object.ts'
import { createStatusPace } from '../kube/status-pace.ts'
import { createWorkQueue } from '../kube/work-queue.ts'
import type { OperatorMetrics } from '../metrics/operator-metrics.ts'
import type { Actor } from './act.ts'
import { createPolicyReconcile } from './reconcile.ts'

const BACKOFF = { baseMs: 1_000, capMs: 60_000 }

type Options = Omit<Actor, 'pace'> & {
  readonly config: Pick<Config, 'reportPolicies' | 'pollIntervalMs'>
  readonly caches: Pick<
    OperatorCaches,
    'tuningPolicies' | 'jobs' | 'datasets' | 'subscribePolicies'
  >
  readonly metrics: Pick<OperatorMetrics, 'queue'>
}

/** @returns none where policies are left to the API server, or to an operator with more rights */
export const policyControllers = ({
  client,
  events,
  now,
  config,
  caches,
  metrics,
}: Options): readonly Controller[] => {
  const { tuningPolicies: policies, jobs, datasets, subscribePolicies } = caches
  if (!policies || !config.reportPolicies) return []
  const queue = createWorkQueue({ observe: metrics.queue(POLICY_KIND), backoff: BACKOFF })
  const pace = createStatusPace(config.pollIntervalMs)
  return [
    {
      kind: POLICY_KIND,
      queue,
      reconcile: createPolicyReconcile({ client, events, now, pace, policies, jobs, datasets }),
      // a policy that holds back thousands is not counted anew for each of them
      subscribe: handle =>
        subscribePolicies(handle, key => queue.addAfter(key, config.pollIntervalMs)),
      keys: () => policies.list().map(({ metadata }) => objectKey(metadata)),
    },
  ]
}
