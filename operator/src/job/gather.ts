/** Everything a decision looks at, from caches only; what is not there is undefined. */
import type { BaseModel } from '../base-model/kinds.ts'
import type { InstructionDataset } from '../dataset/kinds.ts'
import { type KubeObject, type ObjectKey, objectKey } from '../kube/kube-object.ts'
import { within } from '../kube/predicates.ts'
import type { StatusPace } from '../kube/status-pace.ts'
import type { StoreReader } from '../kube/store.ts'
import { awaitsModel } from './awaits-model.ts'
import { experimentOf, pinsOf, wantsPins } from './pins.ts'
import type { TuningPolicy } from '../policy/kinds.ts'
import type {
  Claim,
  ConfigMap,
  InstructionTuningJob,
  NetworkPolicy,
  Pod,
  StageJob,
} from './kinds.ts'
import { JOB_UID_ANNOTATION, workspaceName } from './names.ts'
import type { Warning } from './obstacle.ts'
import { outputClaimKey } from './output-claim.ts'
import type { ProgressReport } from './progress.ts'
import type { Workload } from './queue/workload.ts'
import type { Observed } from './situation.ts'

export type Caches = {
  readonly jobs: Pick<StoreReader<InstructionTuningJob>, 'get' | 'ownedBy'>
  /** absent where the operator does not read the catalogue */
  readonly baseModels?: Pick<StoreReader<BaseModel>, 'list'>
  readonly datasets: Pick<StoreReader<InstructionDataset>, 'get'>
  readonly stageJobs: Pick<StoreReader<StageJob>, 'ownedBy'>
  readonly workloads: Pick<StoreReader<Workload>, 'ownedBy'>
  readonly pods: Pick<StoreReader<Pod>, 'byIndex'>
  readonly claims: Pick<StoreReader<Claim>, 'ownedBy' | 'get'>
  readonly configMaps: Pick<StoreReader<ConfigMap>, 'ownedBy'>
  readonly networkPolicies: Pick<StoreReader<NetworkPolicy>, 'ownedBy'>
  /** those that select a namespace */
  readonly policies: { of(namespace: string | undefined): readonly TuningPolicy[] }
  /** newest answer of a pod, by the pod's uid */
  readonly progress: { get(podUid: string): ProgressReport | undefined }
  /** why a pod or a Job does not start, by its uid */
  readonly warnings: { get(uid: string): Warning | undefined }
  readonly pace: Pick<StatusPace, 'holdMs'>
}

/** Pods outlive their Jobs while they save: they are found by the job and not by their owner. */
export const JOB_UID_INDEX = 'jobUid'
export const podIndexes = {
  [JOB_UID_INDEX]: ({ metadata }: Pod) => {
    const uid = metadata.annotations?.[JOB_UID_ANNOTATION]
    return uid === undefined ? [] : [uid]
  },
}

const progressOf = (pods: readonly Pod[], progress: Caches['progress']): Observed['progress'] =>
  Object.fromEntries(
    pods.flatMap(({ metadata }) => {
      const report = progress.get(metadata.uid ?? '')
      return report ? [[metadata.name, report] as const] : []
    }),
  )

export const warningsOf = (
  objects: readonly KubeObject[],
  warnings: Caches['warnings'],
): Observed['warnings'] =>
  Object.fromEntries(
    objects.flatMap(({ metadata: { uid = '' } }) => {
      const warning = warnings.get(uid)
      return warning ? [[uid, warning] as const] : []
    }),
  )

const pinsFrom = (
  { jobs }: Pick<Caches, 'jobs'>,
  job: InstructionTuningJob,
): Pick<Observed, 'pins'> => {
  const experiment = wantsPins(job) ? experimentOf(job) : undefined
  const pins =
    experiment === undefined
      ? undefined
      : pinsOf(job, within(job.metadata.namespace, jobs.ownedBy(experiment)))
  return pins ? { pins } : {}
}

export const gather = (caches: Caches, key: ObjectKey, now: number): Observed | undefined => {
  const job = caches.jobs.get(key)
  const uid = job?.metadata.uid
  if (!job || uid === undefined) return undefined
  const { name, namespace } = job.metadata
  const workspace = objectKey({ ...job.metadata, name: workspaceName(name) })
  const claim = caches.claims.ownedBy(uid).find(({ metadata }) => objectKey(metadata) === workspace)
  const outputKey = outputClaimKey(job)
  const outputClaim = outputKey === undefined ? undefined : caches.claims.get(outputKey)
  const datasetName = job.spec?.dataset.ref?.name
  const dataset =
    datasetName === undefined
      ? undefined
      : caches.datasets.get(objectKey({ ...job.metadata, name: datasetName }))
  const pods = within(namespace, caches.pods.byIndex(JOB_UID_INDEX, uid))
  const stageJobs = within(namespace, caches.stageJobs.ownedBy(uid))
  return {
    job,
    holdMs: caches.pace.holdMs(key, now),
    ...(caches.baseModels && awaitsModel(job) ? { baseModels: caches.baseModels.list() } : {}),
    ...(dataset ? { dataset } : {}),
    ...pinsFrom(caches, job),
    ...(claim ? { claim } : {}),
    ...(outputClaim ? { outputClaim } : {}),
    configMaps: within(namespace, caches.configMaps.ownedBy(uid)),
    stageJobs,
    workloads: within(
      namespace,
      stageJobs.flatMap(({ metadata }) => caches.workloads.ownedBy(metadata.uid ?? '')),
    ),
    pods,
    progress: progressOf(pods, caches.progress),
    warnings: warningsOf([...pods, ...stageJobs], caches.warnings),
    networkPolicies: within(namespace, caches.networkPolicies.ownedBy(uid)),
    policies: caches.policies.of(namespace),
  }
}
