/** One Event each time that Kueue gives another reason. */
import type { Reason } from '@attune/crds/conditions.ts'
import type { JobCondition } from '@attune/crds/instruction-tuning-job-status.ts'
import { findCondition } from '../../kube/conditions.ts'
import type { JobEvent } from '../situation.ts'

const EXPECTED: readonly string[] = [
  'Queued',
  'WaitingForQuota',
  'WaitingForPreemptedWorkloads',
  'WaitingForPodsReady',
  'AdmissionGated',
  'QuotaReserved',
  'Admitted',
]

type Conditions = readonly JobCondition[] | undefined

export const quotaEvents = (before: Conditions, after: Conditions): readonly JobEvent[] => {
  const last = findCondition(before, 'QuotaReserved')
  const next = findCondition(after, 'QuotaReserved')
  if (!next || next.reason === last?.reason) return []
  const type = EXPECTED.includes(next.reason) ? 'Normal' : 'Warning'
  return [{ type, reason: next.reason as Reason, message: next.message }]
}
