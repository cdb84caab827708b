/** What to say of a policy: pure, and the same for the same caches and the same moment. */
import { canonicalJson } from '@attune/crds/canonical-json.ts'
import type { TuningPolicyStatus } from '@attune/crds/tuning-policy-status.ts'
import { findCondition } from '../kube/conditions.ts'
import { heldMs } from '../kube/status-pace.ts'
import type { TuningPolicy } from './kinds.ts'
import { policyConditions } from './policy-conditions.ts'
import { contradictedLabel } from './selector-contradiction.ts'
import type { Decision, Observed, PolicyEvent, Verdict } from './situation.ts'

const NOTHING: Decision = Object.freeze({ events: [] })

const verdictOf = ({ policy, namespaces }: Observed): Verdict => {
  const label = contradictedLabel(policy.spec?.namespaceSelector ?? {})
  if (label !== undefined)
    return {
      reason: 'SelectorContradicts',
      message: `spec.namespaceSelector asks of the label ${label} what no namespace can have; it limits nobody`,
      stalled: true,
    }
  return namespaces === 0
    ? { reason: 'NoNamespaces', message: 'no namespace has the labels of spec.namespaceSelector' }
    : { reason: 'InForce', message: 'jobs and datasets of the selected namespaces are held to it' }
}

const statusOf = (observed: Observed, verdict: Verdict, now: number) => {
  const { policy, namespaces, heldJobs, heldDatasets } = observed
  const generation = policy.metadata.generation ?? 0
  return {
    observedGeneration: generation,
    conditions: policyConditions(verdict, policy.status?.conditions, { generation, now }),
    namespaces,
    heldJobs,
    heldDatasets,
  } satisfies TuningPolicyStatus
}

/** Told once, when it begins or ends to limit anybody. */
const eventsOf = ({ status }: TuningPolicy, verdict: Verdict): readonly PolicyEvent[] => {
  const { reason, message } = verdict
  if (findCondition(status?.conditions, 'Ready')?.reason === reason) return []
  return [{ type: reason === 'InForce' ? 'Normal' : 'Warning', reason, message }]
}

export const decide = (observed: Observed, now: number): Decision => {
  const { policy, holdMs } = observed
  if (!policy.spec || policy.metadata.deletionTimestamp) return NOTHING
  const verdict = verdictOf(observed)
  const status = statusOf(observed, verdict, now)
  if (canonicalJson(status) === canonicalJson(policy.status ?? null)) return NOTHING
  const waitMs = heldMs(policy.status, status, holdMs)
  if (waitMs > 0) return { events: [], requeueAfterMs: waitMs }
  return { status, events: eventsOf(policy, verdict) }
}
