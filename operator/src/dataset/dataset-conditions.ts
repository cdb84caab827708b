/** The conditions of a dataset, shaped for kstatus; those that say nothing are left out. */
import type { DatasetConditionType } from '@attune/crds/dataset-conditions.ts'
import type { InstructionDatasetStatus } from '@attune/crds/instruction-dataset-status.ts'
import { type Condition, type ConditionStatus, setCondition } from '../kube/conditions.ts'
import type { Note, StepResult } from './situation.ts'

type Said = readonly [DatasetConditionType, ConditionStatus]

const SAID: Readonly<Record<StepResult['phase'], readonly Said[]>> = {
  Pending: [
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

export const datasetConditions = (
  phase: StepResult['phase'],
  note: Note,
  before: InstructionDatasetStatus['conditions'] = [],
  { generation, now }: { readonly generation: number; readonly now: number },
): NonNullable<InstructionDatasetStatus['conditions']> => {
  const said = SAID[phase]
  const known: readonly Condition[] = before.filter(({ type }) =>
    said.some(([now]) => now === type),
  )
  return [
    ...said.reduce(
      (list, [type, status]) =>
        setCondition(list, { type, status, ...note, observedGeneration: generation }, now),
      known,
    ),
  ]
}
