/** Deterministic names and labels of everything that belongs to a job. */
import { createHash } from 'node:crypto'
import { GROUP } from '@attune/crds/api-group.ts'
import type { Stage } from '@attune/crds/stage.ts'
import type { InstructionTuningJob } from './kinds.ts'

/** Names of Jobs become a label of their pods, and label values end here. */
const NAME_MAX = 63
const HASH_LENGTH = 8

export const JOB_LABEL = `${GROUP}/job`
export const RUN_LABEL = `${GROUP}/run`
export const STAGE_LABEL = `${GROUP}/stage`
/** Tells the pods of this job from those of an earlier one of the same name. */
export const JOB_UID_ANNOTATION = `${GROUP}/job-uid`
/** How many failed attempts of a stage came before this Job of it. */
export const RETRIES_ANNOTATION = `${GROUP}/retries`
/** Any new value starts a new run, though the spec is the same. */
export const RERUN_ANNOTATION = `${GROUP}/rerun`
/** Any new value starts a failed Publish again. */
export const RETRY_PUBLISH_ANNOTATION = `${GROUP}/retry-publish`
export const FIELD_MANAGER = 'attune-operator'
/** Marks what the operator made, so that it caches nothing else of these kinds. */
export const CHILD_SELECTOR = `app.kubernetes.io/managed-by=${FIELD_MANAGER}`

/** `<name><suffix>`, and where that is longer than 63 characters `<start of name>-<hash of name><suffix>`. */
export const shortName = (name: string, suffix = ''): string => {
  if (name.length + suffix.length <= NAME_MAX) return `${name}${suffix}`
  const hash = createHash('sha256').update(name).digest('hex').slice(0, HASH_LENGTH)
  const kept = name.slice(0, NAME_MAX - suffix.length - HASH_LENGTH - 1).replace(/[^a-z0-9]+$/, '')
  return `${kept}-${hash}${suffix}`
}

export const workspaceName = (name: string) => shortName(name, '-workspace')
export const configMapName = (name: string, run: number) => shortName(name, `-${run}`)
export const stageJobName = (name: string, run: number, stage: Stage) =>
  shortName(name, `-${run}-${stage}`)

export const labelsOf = (
  job: InstructionTuningJob,
  part: { readonly run?: number; readonly stage?: Stage } = {},
): Record<string, string> => ({
  // not app.kubernetes.io/instance: Argo CD tracks what it owns by it
  'app.kubernetes.io/name': 'attune',
  'app.kubernetes.io/component': part.stage ?? 'job',
  'app.kubernetes.io/part-of': 'attune',
  'app.kubernetes.io/managed-by': FIELD_MANAGER,
  [JOB_LABEL]: job.metadata.name,
  ...(part.run === undefined ? {} : { [RUN_LABEL]: String(part.run) }),
  ...(part.stage === undefined ? {} : { [STAGE_LABEL]: part.stage }),
})
