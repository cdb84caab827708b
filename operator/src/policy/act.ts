/** The only place that writes to Kubernetes for a policy: status once, then Events. It has no children. */
import { writeStatus } from '../job/children.ts'
import type { EventRecorder } from '../kube/events.ts'
import type { KubeClient } from '../kube/kube-client.ts'
import { objectKey } from '../kube/kube-object.ts'
import type { StatusPace } from '../kube/status-pace.ts'
import { TuningPolicies, type TuningPolicy } from './kinds.ts'
import type { Decision } from './situation.ts'

export type Actor = {
  readonly client: Pick<KubeClient, 'applyStatus'>
  readonly events: Pick<EventRecorder, 'record'>
  readonly now: () => number
  readonly pace: StatusPace
}

export const act = async (
  { client, events, now, pace }: Actor,
  policy: TuningPolicy,
  { status, events: told }: Decision,
): Promise<void> => {
  if (status) {
    await writeStatus(client, TuningPolicies, policy, status)
    pace.wrote(objectKey(policy.metadata), now())
  }
  for (const event of told) events.record(policy, event)
}
