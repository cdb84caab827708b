/** The conditions of a dataset, shaped for kstatus; those that say nothing are left out. */
import type { DatasetConditionType } from '@attune/crds/dataset-conditions.ts'
import type { InstructionDatasetStatus } from '@attune/crds/instruction-dataset-status.ts'
import type { Quota } from '../job/queue/quota.ts'
import { type ConditionStatus, conditionsSaid } from '../kube/conditions.ts'
import type { Note, StepResult } from './situation.ts'

type Said = readonly [DatasetConditionType, ConditionStatus]

const SAID: Readonly<Record<StepResult['phase'], readonly Said[]>> = {
  Pending: [
    ['Ready', 'False'],
    ['Reconciling', 'True'],
  ],
  Queued: [
    ['Ready', 'False'],
    ['Reconciling', 'True'],
  ],
  Preparing: [
    ['Ready', 'False'],
    ['Reconciling', 'True'],
  ],
  Ready: [['Ready', 'True']],
  Failed: [
    ['Ready', 'False'],
    ['Stalled', 'True'],
  ],
}

type Look = {
  readonly generation: number
  readonly now: number
  /** of the Job that makes the content, where Kueue says anything of it */
  readonly quota?: Quota | undefined
}

export const datasetConditions = (
  phase: StepResult['phase'],
  note: Note,
  before: InstructionDatasetStatus['conditions'] = [],
  { quota, ...look }: Look,
): NonNullable<InstructionDatasetStatus['conditions']> => {
  const said = [
    ...SAID[phase].map(([type, status]) => ({ type, status, ...note })),
    ...(quota ? [{ type: 'QuotaReserved' as const, ...quota }] : []),
  ]
  return conditionsSaid(said, before, look)
}
