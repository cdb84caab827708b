/** The conditions of an entry, shaped for kstatus; those that say nothing are left out. */
import type { BaseModelConditionType } from '@attune/crds/base-model-conditions.ts'
import type { BaseModelStatus } from '@attune/crds/base-model-status.ts'
import { type ConditionStatus, conditionsSaid } from '../kube/conditions.ts'
import type { Verdict } from './situation.ts'

type Said = readonly [BaseModelConditionType, ConditionStatus]

const saidOf = ({ verified, isPending }: Verdict): readonly Said[] => {
  const about: Said = ['Verified', verified]
  if (isPending) return [['Ready', 'Unknown'], ['Reconciling', 'True'], about]
  if (verified === 'False') return [['Ready', 'False'], ['Stalled', 'True'], about]
  return [['Ready', 'True'], about]
}

export const baseModelConditions = (
  verdict: Verdict,
  before: BaseModelStatus['conditions'] = [],
  look: { readonly generation: number; readonly now: number },
): NonNullable<BaseModelStatus['conditions']> => {
  const { reason, message } = verdict
  const said = saidOf(verdict).map(([type, status]) => ({ type, status, reason, message }))
  return conditionsSaid(said, before, look)
}
