/** What a decision about a policy starts from, and what it is. */
import type { PolicyReason } from '@attune/crds/tuning-policy-conditions.ts'
import type { TuningPolicyStatus } from '@attune/crds/tuning-policy-status.ts'
import type { TuningPolicy } from './kinds.ts'

/** What the caches hold of one policy. */
export type Observed = {
  readonly policy: TuningPolicy
  /** that it selects */
  readonly namespaces: number
  readonly heldJobs: number
  readonly heldDatasets: number
  /** how much longer a write of counts alone is held back */
  readonly holdMs: number
}

export type PolicyEvent = {
  readonly type: 'Normal' | 'Warning'
  readonly reason: PolicyReason
  readonly message: string
}

export type Verdict = {
  readonly reason: PolicyReason
  readonly message: string
  /** only a change by a person helps */
  readonly stalled?: true
}

export type Decision = {
  /** absent: status stays as it is */
  readonly status?: TuningPolicyStatus
  readonly events: readonly PolicyEvent[]
  readonly requeueAfterMs?: number
}
