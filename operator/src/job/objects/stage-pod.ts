/** The pod of a stage: the accelerator only where it is used, the network's credentials only where it fetches. */
import type { Stage } from '@attune/crds/stage.ts'
import type { JobConfig } from '../job-config.ts'
import type { InstructionTuningJob } from '../kinds.ts'
import { JOB_UID_ANNOTATION, labelsOf } from '../names.ts'
import { credentialsSecret } from '../spec-rules.ts'
import { JOB_FILE } from './config-map.ts'
import { trainerPod } from './trainer-pod.ts'
import { JOB_FILE_FOLDER, volumes, WORKSPACE_PATH } from './volumes.ts'

const USES_ACCELERATOR: readonly Stage[] = ['train', 'evaluate']

type StagePod = {
  readonly job: InstructionTuningJob
  readonly run: number
  readonly stage: Stage
  readonly gracePeriodSeconds: number
  /** failed attempts before this Job */
  readonly retries: number
  /** those that were killed for memory */
  readonly memoryKills: number
  readonly config: JobConfig
}

const accelerator = ({ job, stage }: StagePod) =>
  USES_ACCELERATOR.includes(stage) ? job.spec?.resources.accelerator : undefined

const resources = (pod: StagePod) => {
  const device = accelerator(pod)
  const { requests, limits } = pod.job.spec?.resources ?? {}
  const devices = device ? { [device.resource ?? 'nvidia.com/gpu']: device.count ?? 1 } : {}
  return { requests: { ...requests, ...devices }, limits: { ...limits, ...devices } }
}

const args = ({ stage, config, memoryKills }: StagePod) => [
  stage,
  ...['--job', `${JOB_FILE_FOLDER}/${JOB_FILE}`],
  ...['--workspace', WORKSPACE_PATH],
  ...['--port', String(config.trainerPort)],
  ...(memoryKills > 0 ? ['--micro-batch-halvings', String(memoryKills)] : []),
]

/** Pod template of a Job. */
export const stagePod = (pod: StagePod) => {
  const { job, run, stage, config, gracePeriodSeconds } = pod
  const device = accelerator(pod)
  const fetches = stage === 'prepare'
  return trainerPod({
    labels: labelsOf(job, { run, stage }),
    annotations: { [JOB_UID_ANNOTATION]: job.metadata.uid },
    podTemplate: job.spec?.podTemplate,
    nodeSelector: device?.nodeSelector ?? {},
    tolerations: device?.tolerations ?? [],
    args: args(pod),
    hubSecret: fetches && job.spec ? credentialsSecret(job.spec) : undefined,
    fetches,
    resources: resources(pod),
    volumes: volumes(job, run, stage),
    gracePeriodSeconds,
    config,
  })
}

export type { StagePod }
