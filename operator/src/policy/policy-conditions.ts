/** The conditions of a policy, shaped for kstatus; those that say nothing are left out. */
import type { PolicyConditionType } from '@attune/crds/tuning-policy-conditions.ts'
import type { TuningPolicyStatus } from '@attune/crds/tuning-policy-status.ts'
import { type Condition, type ConditionStatus, setCondition } from '../kube/conditions.ts'
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
  { generation, now }: { readonly generation: number; readonly now: number },
): NonNullable<TuningPolicyStatus['conditions']> => {
  const said = saidOf(verdict)
  const { reason, message } = verdict
  const known: readonly Condition[] = before.filter(({ type }) =>
    said.some(([current]) => current === type),
  )
  return [
    ...said.reduce(
      (list, [type, status]) =>
        setCondition(list, { type, status, reason, message, observedGeneration: generation }, now),
      known,
    ),
  ]
}
