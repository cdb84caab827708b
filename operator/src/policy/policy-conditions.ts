/** The conditions of a policy, shaped for kstatus; those that say nothing are left out. */
import type { PolicyConditionType } from '@attune/crds/tuning-policy-conditions.ts'
import type { TuningPolicyStatus } from '@attune/crds/tuning-policy-status.ts'
import { type ConditionStatus, conditionsSaid } from '../kube/conditions.ts'
import type { Verdict } from './situation.ts'

type Said = readonly [PolicyConditionType, ConditionStatus]

const saidOf = ({ stalled }: Verdict): readonly Said[] =>
  stalled
    ? [
        ['Ready', 'False'],
        ['Stalled', 'True'],
      ]
    : [['Ready', 'True']]

export const policyConditions = (
  verdict: Verdict,
  before: TuningPolicyStatus['conditions'] = [],
  look: { readonly generation: number; readonly now: number },
): NonNullable<TuningPolicyStatus['conditions']> => {
  const { reason, message } = verdict
  const said = saidOf(verdict).map(([type, status]) => ({ type, status, reason, message }))
  return conditionsSaid(said, before, look)
}
