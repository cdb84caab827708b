/** What a step says of a dataset. */
import { DATASET_REASONS, type DatasetReason } from '@attune/crds/dataset-conditions.ts'
import type { Note, StepResult } from './situation.ts'

export const note = (reason: DatasetReason, message: string = DATASET_REASONS[reason]): Note => ({
  reason,
  message,
})

export const isDatasetReason = (reason: string): reason is DatasetReason =>
  Object.hasOwn(DATASET_REASONS, reason)

export const failed = (reason: string, message: string): StepResult => ({
  phase: 'Failed',
  note: note(isDatasetReason(reason) ? reason : 'StageFailed', message),
})
