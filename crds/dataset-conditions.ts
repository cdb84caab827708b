/** The words of an `InstructionDataset`'s status, each with one sentence. */
import { QUEUE_REASONS, type Reason } from './conditions.ts'

export const DATASET_PHASES = ['Pending', 'Queued', 'Preparing', 'Ready', 'Failed'] as const
export type DatasetPhase = (typeof DATASET_PHASES)[number]

export const DATASET_CONDITIONS = {
  Ready: 'True while the content of the spec is there to be read by jobs.',
  Reconciling: 'Present while the operator works towards Ready (kstatus).',
  Stalled: 'Present when only a change by a person can help (kstatus).',
  QuotaReserved: 'Kueue has reserved the quota of the pod; absent outside a queue.',
} as const
export type DatasetConditionType = keyof typeof DATASET_CONDITIONS

export const DATASET_REASONS = {
  Preparing: 'Sources are read, checked and split.',
  Prepared: 'The examples are read, checked and split.',
  Waiting: 'Something outside keeps it from going on; the message says what.',
  ...QUEUE_REASONS,
  Preempted: 'Others took the quota; the sources are read once it is admitted again.',
  Unschedulable: "No node takes the pod; the message is the scheduler's.",
  ImagePullBackOff: 'The image of the pod cannot be pulled.',
  FailedMount: 'A volume of the pod cannot be attached or mounted.',
  CreateContainerError: 'The container of the pod cannot be made, e.g. for a missing Secret.',
  NodeNotResponding:
    'A pod that was told to end has not, as far as its node says; the message names both.',
  Retrying: 'Reading the sources failed and is tried again.',
  WorkspaceLost: 'The volume is gone; the sources are read again.',
  InvalidSpec: 'The spec passed the schema and still cannot work; the message names the field.',
  PolicyViolation: 'A TuningPolicy does not allow it; the message names policy and limit.',
  SourceNotFound: 'A source does not exist.',
  SourceForbidden: 'A source refused access.',
  DatasetMalformed: 'A data file is not what it says; the message names file and line.',
  DatasetBelowQuality: 'The data misses one of its quality gates.',
  OutOfMemory: 'The memory of the pod ran out.',
  DeadlineExceeded: 'Reading the sources took longer than retry.deadlineSeconds.',
  RetriesExhausted: 'Reading the sources failed more often than retry.limit allows.',
  StageFailed: 'Reading the sources failed in a way that a retry cannot cure.',
} as const satisfies Partial<Record<Reason, string>>
export type DatasetReason = keyof typeof DATASET_REASONS
