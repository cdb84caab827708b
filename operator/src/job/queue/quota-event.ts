/** One Event each time that Kueue gives another reason. */
import type { QueueReason } from '@attune/crds/conditions.ts'
import { type Condition, findCondition } from '../../kube/conditions.ts'

const EXPECTED: readonly string[] = [
  'Queued',
  'WaitingForQuota',
  'WaitingForPreemptedWorkloads',
  'WaitingForPodsReady',
  'AdmissionGated',
  'QuotaReserved',
  'Admitted',
]

type Conditions = readonly Condition[] | undefined
type QuotaEvent = {
  readonly type: 'Normal' | 'Warning'
  readonly reason: QueueReason
  readonly message: string
}

export const quotaEvents = (before: Conditions, after: Conditions): readonly QuotaEvent[] => {
  const last = findCondition(before, 'QuotaReserved')
  const next = findCondition(after, 'QuotaReserved')
  if (!next || next.reason === last?.reason) return []
  const type = EXPECTED.includes(next.reason) ? 'Normal' : 'Warning'
  return [{ type, reason: next.reason as QueueReason, message: next.message }]
}
