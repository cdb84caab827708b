/** Everything a decision about a dataset looks at, from caches only. */
import type {
  Claim,
  ConfigMap,
  InstructionTuningJob,
  NetworkPolicy,
  Pod,
  StageJob,
} from '../job/kinds.ts'
import type { TuningExperiment } from '../experiment/kinds.ts'
import { warningsOf } from '../job/gather.ts'
import type { Warning } from '../job/obstacle.ts'
import { experimentKeys } from '../job/pins.ts'
import type { Workload } from '../job/queue/workload.ts'
import { isFinished } from '../job/run.ts'
import { type ObjectKey, objectKey } from '../kube/kube-object.ts'
import { within } from '../kube/predicates.ts'
import type { StoreReader } from '../kube/store.ts'
import type { TuningPolicy } from '../policy/kinds.ts'
import type { InstructionDataset } from './kinds.ts'
import { claimName, keyOfUri } from './names.ts'
import type { Observed } from './situation.ts'

export type DatasetCaches = {
  readonly datasets: Pick<StoreReader<InstructionDataset>, 'get'>
  readonly jobs: Pick<StoreReader<InstructionTuningJob>, 'byIndex'>
  readonly experiments: Pick<StoreReader<TuningExperiment>, 'get'>
  readonly stageJobs: Pick<StoreReader<StageJob>, 'ownedBy'>
  readonly workloads: Pick<StoreReader<Workload>, 'ownedBy'>
  readonly pods: Pick<StoreReader<Pod>, 'ownedBy' | 'byIndex'>
  readonly claims: Pick<StoreReader<Claim>, 'ownedBy'>
  /** why a pod or a Job does not start, by its uid */
  readonly warnings: { get(uid: string): Warning | undefined }
  readonly configMaps: Pick<StoreReader<ConfigMap>, 'ownedBy'>
  readonly policies: { of(namespace: string | undefined): readonly TuningPolicy[] }
  readonly networkPolicies: Pick<StoreReader<NetworkPolicy>, 'ownedBy'>
}

/** Jobs by the dataset that they name. */
export const DATASET_INDEX = 'dataset'
export const jobIndexes = {
  [DATASET_INDEX]: ({ metadata, spec }: InstructionTuningJob) => {
    const name = spec?.dataset.ref?.name
    return name === undefined ? [] : [objectKey({ ...metadata, name })]
  },
}

const ENDED = ['Succeeded', 'Failed']

/** Trials that start later are trained on the same content. */
const isCompared = (
  { experiments }: Pick<DatasetCaches, 'experiments'>,
  job: InstructionTuningJob,
): boolean =>
  experimentKeys(job).some(key => {
    const experiment = experiments.get(key)
    return experiment !== undefined && !ENDED.includes(experiment.status?.phase ?? '')
  })

const inUse = (
  caches: Pick<DatasetCaches, 'experiments'>,
  jobs: readonly InstructionTuningJob[],
  uid: string,
): readonly string[] =>
  jobs.flatMap(job => {
    const run = job.status?.runs?.at(-1)
    if (!run?.content || run.content.datasetUid !== uid) return []
    return isFinished(run) && !isCompared(caches, job) ? [] : [keyOfUri(run.content.uri)]
  })

export const gather = (caches: DatasetCaches, key: ObjectKey): Observed | undefined => {
  const dataset = caches.datasets.get(key)
  const uid = dataset?.metadata.uid
  if (!dataset || uid === undefined) return undefined
  const { name, namespace } = dataset.metadata
  const curateJobs = within(namespace, caches.stageJobs.ownedBy(uid))
  const claim = within(namespace, caches.claims.ownedBy(uid)).find(
    ({ metadata }) => metadata.name === claimName(name),
  )
  const pods = within(
    namespace,
    curateJobs.flatMap(({ metadata }) => caches.pods.ownedBy(metadata.uid ?? '')),
  )
  return {
    dataset,
    ...(claim ? { claim } : {}),
    configMaps: within(namespace, caches.configMaps.ownedBy(uid)),
    networkPolicies: within(namespace, caches.networkPolicies.ownedBy(uid)),
    policies: caches.policies.of(namespace),
    curateJobs,
    workloads: within(
      namespace,
      curateJobs.flatMap(({ metadata }) => caches.workloads.ownedBy(metadata.uid ?? '')),
    ),
    pods,
    warnings: warningsOf([...pods, ...curateJobs], caches.warnings),
    inUse: inUse(caches, caches.jobs.byIndex(DATASET_INDEX, key), uid),
  }
}
