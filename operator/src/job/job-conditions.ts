/** The conditions of a job, shaped for kstatus, `kubectl wait`, Flux and Argo CD; those that say nothing are left out. */
import { type ConditionType, REASONS, type Reason } from '@attune/crds/conditions.ts'
import type { JobCondition, RunStatus } from '@attune/crds/instruction-tuning-job-status.ts'
import type { ResolvedSpec } from '@attune/crds/resolved-spec.ts'
import { asksGates } from './asks-gates.ts'
import type { Quota } from './queue/quota.ts'
import { isDone, stageOf } from './run.ts'
import { conditionsSaid } from '../kube/conditions.ts'

type Said = {
  readonly type: ConditionType
  readonly status: 'True' | 'False' | 'Unknown'
  readonly reason: Reason
  readonly message: string
}
type Note = {
  readonly reason: Reason
  readonly message: string
  /** only a change by a person helps */
  readonly stalled?: boolean
}

const says = (type: ConditionType, status: Said['status'], { reason, message }: Note): Said => ({
  type,
  status,
  reason,
  message,
})

const succeeded = (run: RunStatus): readonly Said[] => {
  const reason = (run.reason ?? 'Succeeded') as Reason
  const note: Note = { reason, message: `run ${run.number}: ${run.message ?? REASONS[reason]}` }
  return [
    says('Ready', 'True', note),
    says('Complete', 'True', note),
    says('Finished', 'True', note),
  ]
}

const failed = (run: RunStatus): readonly Said[] => {
  const reason = (run.reason ?? 'StageFailed') as Reason
  const note: Note = { reason, message: `run ${run.number}: ${run.message ?? REASONS[reason]}` }
  return [
    says('Ready', 'False', note),
    says('Stalled', 'True', note),
    says('Failed', 'True', note),
    says('Finished', 'True', note),
  ]
}

const suspended = (run: RunStatus): readonly Said[] => {
  const note: Note = { reason: 'Suspended', message: `run ${run.number}: ${REASONS.Suspended}` }
  return [says('Ready', 'False', note), says('Suspended', 'True', note)]
}

const working = (run: RunStatus, note: Note | undefined): readonly Said[] => {
  const reason = run.phase === 'Pending' ? 'Accepted' : (run.phase as Reason)
  const said: Note = note
    ? { reason: note.reason, message: `run ${run.number}: ${note.message}` }
    : { reason, message: `run ${run.number}: ${REASONS[reason]}` }
  return [
    says('Ready', run.phase === 'Pending' && !note?.stalled ? 'Unknown' : 'False', said),
    says(note?.stalled ? 'Stalled' : 'Reconciling', 'True', said),
  ]
}

const outcome = (run: RunStatus, note: Note | undefined): readonly Said[] => {
  if (run.phase === 'Succeeded') return succeeded(run)
  if (run.phase === 'Failed') return failed(run)
  return run.phase === 'Suspended' && !note ? suspended(run) : working(run, note)
}

/** What a run waits for that has no data yet. */
const AWAITED: readonly Reason[] = ['WaitingForDataset', 'DatasetFailed']

const datasetReady = (run: RunStatus, note: Note | undefined): readonly Said[] => {
  if (note && AWAITED.includes(note.reason)) return [says('DatasetReady', 'False', note)]
  const stage = stageOf(run, 'prepare')
  if (isDone(stage))
    return [says('DatasetReady', 'True', { reason: 'Prepared', message: REASONS.Prepared })]
  if (stage.state !== 'Failed') return []
  const reason = (run.reason ?? 'StageFailed') as Reason
  return [says('DatasetReady', 'False', { reason, message: run.message ?? REASONS[reason] })]
}

const gatesPassed = (run: RunStatus, spec: ResolvedSpec): readonly Said[] => {
  if (!run.evaluation || !asksGates(run, spec)) return []
  const passed = run.evaluation.gatesPassed
  const reason = passed ? 'GatesPassed' : 'GatesNotPassed'
  return [says('GatesPassed', passed ? 'True' : 'False', { reason, message: REASONS[reason] })]
}

const quotaReserved = (quota: Quota | undefined): readonly Said[] =>
  quota ? [says('QuotaReserved', quota.status, quota)] : []

export type { Note }

type Before = { readonly conditions: readonly JobCondition[]; readonly generation: number }

type Found = {
  readonly spec: ResolvedSpec
  readonly note?: Note | undefined
  readonly quota?: Quota | undefined
}

export const jobConditions = (
  run: RunStatus,
  { spec, note, quota }: Found,
  { conditions, generation }: Before,
  now: number,
): JobCondition[] => {
  const said = [
    ...outcome(run, note),
    ...datasetReady(run, note),
    ...quotaReserved(quota),
    ...gatesPassed(run, spec),
  ]
  return conditionsSaid(said, conditions, { generation, now })
}
