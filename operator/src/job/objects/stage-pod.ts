/** The pod of a stage: restricted profile, no token, the accelerator only where it is used. */
import type { Stage } from '@attune/crds/stage.ts'
import type { JobConfig } from '../job-config.ts'
import type { InstructionTuningJob } from '../kinds.ts'
import { JOB_UID_ANNOTATION, labelsOf } from '../names.ts'
import { CONTAINER } from '../pod-state.ts'
import { credentialsSecret } from '../spec-rules.ts'
import { JOB_FILE } from './config-map.ts'
import { JOB_FILE_FOLDER, volumes, WORKSPACE_PATH } from './volumes.ts'

/** User and group of the trainer image. */
const TRAINER_ID = 1000
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

const environment = ({ job, stage, config }: StagePod) => {
  const secret = stage === 'prepare' && job.spec ? credentialsSecret(job.spec) : undefined
  const token = {
    name: 'HF_TOKEN',
    valueFrom: { secretKeyRef: { name: secret, key: 'token', optional: false } },
  }
  const endpoint = stage === 'prepare' ? config.hubEndpoint : undefined
  return [
    // the root file system is read-only; libraries look for caches below HOME
    { name: 'HOME', value: '/tmp' },
    ...(secret ? [token] : []),
    ...(endpoint ? [{ name: 'HF_ENDPOINT', value: endpoint }] : []),
  ]
}

const args = ({ stage, config, memoryKills }: StagePod) => [
  stage,
  ...['--job', `${JOB_FILE_FOLDER}/${JOB_FILE}`],
  ...['--workspace', WORKSPACE_PATH],
  ...['--port', String(config.trainerPort)],
  ...(memoryKills > 0 ? ['--micro-batch-halvings', String(memoryKills)] : []),
]

const container = (pod: StagePod) => {
  const { stage, config, job, run } = pod
  return {
    name: CONTAINER,
    image: config.trainerImage,
    imagePullPolicy: config.trainerImagePullPolicy,
    args: args(pod),
    env: environment(pod),
    ports: [{ name: 'http', containerPort: config.trainerPort, protocol: 'TCP' }],
    resources: resources(pod),
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: volumes(job, run, stage).volumeMounts,
  }
}

const placement = (pod: StagePod) => {
  const { podTemplate } = pod.job.spec ?? {}
  const device = accelerator(pod)
  const tolerations = [...(podTemplate?.tolerations ?? []), ...(device?.tolerations ?? [])]
  const nodeSelector = { ...podTemplate?.nodeSelector, ...device?.nodeSelector }
  return {
    ...(tolerations.length > 0 ? { tolerations } : {}),
    ...(Object.keys(nodeSelector).length > 0 ? { nodeSelector } : {}),
    ...(podTemplate?.imagePullSecrets ? { imagePullSecrets: podTemplate.imagePullSecrets } : {}),
    ...(podTemplate?.runtimeClassName ? { runtimeClassName: podTemplate.runtimeClassName } : {}),
    ...(podTemplate?.priorityClassName ? { priorityClassName: podTemplate.priorityClassName } : {}),
  }
}

/** Pod template of a Job. */
export const stagePod = (pod: StagePod) => {
  const { job, run, stage } = pod
  const { podTemplate } = job.spec ?? {}
  return {
    metadata: {
      // ours last: a tenant's label must not hide a pod from the operator
      labels: { ...podTemplate?.labels, ...labelsOf(job, { run, stage }) },
      annotations: {
        ...podTemplate?.annotations,
        [JOB_UID_ANNOTATION]: job.metadata.uid,
      },
    },
    spec: {
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: pod.gracePeriodSeconds,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: TRAINER_ID,
        runAsGroup: TRAINER_ID,
        fsGroup: TRAINER_ID,
        // walking a large workspace at every start takes minutes
        fsGroupChangePolicy: 'OnRootMismatch',
        seccompProfile: { type: 'RuntimeDefault' },
      },
      ...placement(pod),
      containers: [container(pod)],
      volumes: volumes(job, run, stage).volumes,
    },
  }
}

export type { StagePod }
