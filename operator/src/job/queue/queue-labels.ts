/**
 * What a stage's Job tells Kueue. It is written once, when the Job is made: from then on `suspend`, these labels
 * and the scheduling fields of the pod template are Kueue's.
 */
import { createHash } from 'node:crypto'
import { GROUP } from '@attune/crds/api-group.ts'
import { canonicalJson } from '@attune/crds/canonical-json.ts'
import { MAX_SECONDS_LABEL, PRIORITY_LABEL, QUEUE_LABEL } from '@attune/crds/queue-labels.ts'
import type { ResolvedSpec } from '@attune/crds/resolved-spec.ts'
import type { StageJob } from '../kinds.ts'

/** Hash of all that the spec said of scheduling when the Job was made; the Job itself is changed by others. */
export const SCHEDULING_ANNOTATION = `${GROUP}/scheduling`
const HASH_LENGTH = 16

type Queue = Pick<ResolvedSpec, 'queueName' | 'priorityClassName' | 'retry'>
/** All that the Job's place in a queue follows from, of a job or of a dataset. */
export type Scheduling = Queue & { readonly resources: object; readonly podTemplate: object }

const schedulingHash = (spec: Scheduling): string => {
  const { queueName = '', priorityClassName = '', retry, resources, podTemplate } = spec
  const asked = [queueName, priorityClassName, retry.deadlineSeconds, resources, podTemplate]
  return createHash('sha256').update(canonicalJson(asked)).digest('hex').slice(0, HASH_LENGTH)
}

/**
 * The priority also without a queue: Kueue may give such a Job the queue `default`. Partial admission needs an
 * annotation that is never written.
 */
export const queueLabels = (spec: Queue): Readonly<Record<string, string>> => ({
  ...(spec.queueName
    ? {
        [QUEUE_LABEL]: spec.queueName,
        [MAX_SECONDS_LABEL]: String(spec.retry.deadlineSeconds),
      }
    : {}),
  ...(spec.priorityClassName ? { [PRIORITY_LABEL]: spec.priorityClassName } : {}),
})

export const queueAnnotations = (spec: Scheduling): Readonly<Record<string, string>> =>
  spec.queueName ? { [SCHEDULING_ANNOTATION]: schedulingHash(spec) } : {}

/** The spec has changed since it was put in the queue: other queue, priority, resources or placement. */
export const asksOtherwise = ({ metadata }: StageJob, spec: Scheduling): boolean => {
  const asked = metadata.annotations?.[SCHEDULING_ANNOTATION]
  return asked !== undefined && asked !== schedulingHash(spec)
}

export const queueOf = ({ metadata }: StageJob): string | undefined =>
  metadata.labels?.[QUEUE_LABEL]

/** Created suspended or suspended later; who may set it going is Kueue. */
export const isHeld = ({ spec }: StageJob): boolean => spec?.suspend === true
