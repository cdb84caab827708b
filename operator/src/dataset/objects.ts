/** What belongs to a dataset: its volume, the file of its stage, and the stage's Job. */
import { API_VERSION } from '@attune/crds/api-group.ts'
import { CURATE, type DatasetFile } from '@attune/crds/stage.ts'
import type { JobConfig } from '../job/job-config.ts'
import { JOB_FILE } from '../job/objects/config-map.ts'
import { datasetNetworkPolicy } from '../job/objects/network-policy.ts'
import { podFailurePolicy } from '../job/objects/stage-job.ts'
import { trainerPod } from '../job/objects/trainer-pod.ts'
import { claimMount, JOB_FILE_FOLDER, type Mount, WORKSPACE_PATH } from '../job/objects/volumes.ts'
import { queueAnnotations, queueLabels } from '../job/queue/queue-labels.ts'
import { claimsOf, dataSources, secretOf } from '../job/spec-rules.ts'
import type { Manifest } from '../kube/kube-client.ts'
import { controllerReference } from '../kube/kube-object.ts'
import type { InstructionDataset } from './kinds.ts'
import {
  claimName,
  curateJobName,
  DATASET_LABEL,
  datasetFileName,
  labelsOf,
  podLabelsOf,
} from './names.ts'
import { schedulingOf } from './scheduling.ts'

/** Nothing is saved at the end but a flushed file. */
const GRACE_PERIOD_SECONDS = 30

export type DatasetObjects = {
  readonly dataset: InstructionDataset
  readonly key: string
  readonly config: JobConfig
}

const specOf = ({ metadata, spec }: InstructionDataset) => {
  if (!spec) throw new TypeError(`${metadata.name} has no spec`)
  return spec
}

const metadata = (dataset: InstructionDataset, name: string, key?: string) => ({
  name,
  ...(dataset.metadata.namespace ? { namespace: dataset.metadata.namespace } : {}),
  labels: labelsOf(dataset, key),
  ownerReferences: [controllerReference(dataset)],
})

export const datasetClaim = (dataset: InstructionDataset): Manifest => {
  const { size, storageClassName, accessMode } = specOf(dataset).volume
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: metadata(dataset, claimName(dataset.metadata.name)),
    spec: {
      accessModes: [accessMode ?? 'ReadWriteOnce'],
      resources: { requests: { storage: String(size) } },
      ...(storageClassName ? { storageClassName } : {}),
    },
  }
}

export const datasetFile = (
  { dataset, key }: Pick<DatasetObjects, 'dataset' | 'key'>,
  keep: readonly string[],
): Manifest => {
  const { name, namespace = '' } = dataset.metadata
  const file: DatasetFile = {
    apiVersion: API_VERSION,
    name,
    namespace,
    spec: specOf(dataset),
    keep,
  }
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: metadata(dataset, datasetFileName(name, key), key),
    immutable: true,
    data: { [JOB_FILE]: `${JSON.stringify(file, null, 2)}\n` },
  }
}

const volumes = ({ dataset, key }: DatasetObjects) => {
  const { name } = dataset.metadata
  const mounts: readonly Mount[] = [
    {
      volume: { name: 'workspace', persistentVolumeClaim: { claimName: claimName(name) } },
      mount: { mountPath: WORKSPACE_PATH },
    },
    {
      volume: { name: 'job', configMap: { name: datasetFileName(name, key) } },
      mount: { mountPath: JOB_FILE_FOLDER, readOnly: true },
    },
    { volume: { name: 'tmp', emptyDir: {} }, mount: { mountPath: '/tmp' } },
    ...claimsOf(dataSources(specOf(dataset), 'spec')).map((claim, index) =>
      claimMount(claim, index, true),
    ),
  ]
  return {
    volumes: mounts.map(({ volume }) => volume),
    volumeMounts: mounts.map(({ volume, mount }) => ({ name: volume.name, ...mount })),
  }
}

export const curateJob = (objects: DatasetObjects): Manifest => {
  const { dataset, key, config } = objects
  const { podTemplate, resources, retry, ...spec } = specOf(dataset)
  const { requests = {}, limits = {} } = resources
  const template = trainerPod({
    labels: podLabelsOf(dataset, key),
    annotations: {},
    podTemplate,
    nodeSelector: {},
    tolerations: [],
    args: [
      CURATE,
      ...['--job', `${JOB_FILE_FOLDER}/${JOB_FILE}`],
      ...['--workspace', WORKSPACE_PATH],
      ...['--port', String(config.trainerPort)],
    ],
    hubSecret: secretOf(dataSources(spec, 'spec')),
    fetches: true,
    resources: { requests, limits },
    volumes: volumes(objects),
    gracePeriodSeconds: GRACE_PERIOD_SECONDS,
    config,
  })
  const scheduling = schedulingOf(dataset)
  const annotations = queueAnnotations(scheduling)
  const common = metadata(dataset, curateJobName(dataset.metadata.name, key), key)
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      ...common,
      labels: { ...common.labels, ...queueLabels(scheduling) },
      ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
    },
    spec: {
      // without Kueue's webhook the pod would start before the queue is asked
      ...(scheduling.queueName ? { suspend: true } : {}),
      completions: 1,
      parallelism: 1,
      backoffLimit: retry.limit,
      activeDeadlineSeconds: retry.deadlineSeconds,
      // a pod that still ends writes into the same folder
      podReplacementPolicy: 'Failed',
      podFailurePolicy: podFailurePolicy(CURATE),
      template,
    },
  }
}

/** None where the operator makes none. */
export const datasetNetwork = ({
  dataset,
  config,
}: Pick<DatasetObjects, 'dataset' | 'config'>): readonly Manifest[] =>
  config.networkPolicyFrom
    ? [
        datasetNetworkPolicy({
          owner: dataset,
          labels: { [DATASET_LABEL]: dataset.metadata.name },
          objectLabels: labelsOf(dataset),
          from: config.networkPolicyFrom,
          port: config.trainerPort,
        }),
      ]
    : []
