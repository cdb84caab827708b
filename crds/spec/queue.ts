/** `spec.queueName` and `spec.priorityClassName`: how Kueue schedules the stages. */
import { optional, Type } from '../schema.ts'
import { DNS_SUBDOMAIN } from '../patterns.ts'

/** DNS-1123 subdomain; a label of the Jobs has the name, and label values end at 63 characters. */
const NAME = {
  minLength: 1,
  maxLength: 63,
  pattern: DNS_SUBDOMAIN,
}

export const queueName = optional(
  Type.String({
    ...NAME,
    description:
      "Kueue LocalQueue of this namespace that admits each stage's Job; absent: no queue. A stage that waits moves when it changes, one that runs keeps its place.",
  }),
)

export const priorityClassName = optional(
  Type.String({
    ...NAME,
    description:
      "Kueue WorkloadPriorityClass: place in the queue, and who may be stopped for whom. The pods' PriorityClass is `podTemplate.priorityClassName`.",
  }),
)
