/** How Kueue schedules the Job of a dataset: by Kueue's own labels on the dataset, as on other objects that it queues. */
import { PRIORITY_LABEL, QUEUE_LABEL } from '@attune/crds/queue-labels.ts'
import type { Scheduling } from '../job/queue/queue-labels.ts'
import type { InstructionDataset } from './kinds.ts'

export const queueOfDataset = ({
  metadata,
}: Pick<InstructionDataset, 'metadata'>): string | undefined =>
  metadata.labels?.[QUEUE_LABEL] || undefined

export const schedulingOf = (dataset: InstructionDataset): Scheduling => {
  const { metadata, spec } = dataset
  if (!spec) throw new TypeError(`${metadata.name} has no spec`)
  const { retry, resources, podTemplate } = spec
  const queueName = queueOfDataset(dataset)
  const priorityClassName = metadata.labels?.[PRIORITY_LABEL]
  return {
    ...(queueName ? { queueName } : {}),
    ...(priorityClassName ? { priorityClassName } : {}),
    retry,
    resources,
    podTemplate,
  }
}
