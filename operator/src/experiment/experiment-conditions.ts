/** The conditions of an experiment, shaped for kstatus; those that say nothing are left out. */
import type {
  ExperimentConditionType,
  ExperimentPhase,
} from '@attune/crds/experiment-conditions.ts'
import type { TuningExperimentStatus } from '@attune/crds/tuning-experiment-status.ts'
import { type ConditionStatus, conditionsSaid } from '../kube/conditions.ts'
import type { Note } from './situation.ts'

type Said = readonly [ExperimentConditionType, ConditionStatus]

const WORKING: readonly Said[] = [
  ['Ready', 'False'],
  ['Reconciling', 'True'],
]
const SAID: Readonly<Record<ExperimentPhase, readonly Said[]>> = {
  Pending: WORKING,
  Running: WORKING,
  Publishing: WORKING,
  Suspended: [
    ['Ready', 'False'],
    ['Suspended', 'True'],
  ],
  Succeeded: [
    ['Ready', 'True'],
    ['Complete', 'True'],
    ['Finished', 'True'],
  ],
  Failed: [
    ['Ready', 'False'],
    ['Stalled', 'True'],
    ['Failed', 'True'],
    ['Finished', 'True'],
  ],
}
const STALLED: readonly Said[] = [
  ['Ready', 'False'],
  ['Stalled', 'True'],
]

export const experimentConditions = (
  phase: ExperimentPhase,
  { reason, message, stalled = false }: Note,
  before: TuningExperimentStatus['conditions'] = [],
  look: { readonly generation: number; readonly now: number },
): NonNullable<TuningExperimentStatus['conditions']> => {
  const said = (stalled ? STALLED : SAID[phase]).map(([type, status]) => ({
    type,
    status,
    reason,
    message,
  }))
  return conditionsSaid(said, before, look)
}
