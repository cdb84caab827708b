/** The informers that the reconciles read, and which object of ours each of their objects belongs to. */
import { GROUP } from '@attune/crds/api-group.ts'
import { resolveDatasetSpec, resolveExperimentSpec, resolveSpec } from '@attune/crds/defaults.ts'
import { type BaseModel, BaseModels } from './base-model/kinds.ts'
import type { Config } from './config.ts'
import { DATASET_INDEX, jobIndexes } from './dataset/gather.ts'
import { DATASET_KIND, type InstructionDataset, InstructionDatasets } from './dataset/kinds.ts'
import { DATASET_LABEL } from './dataset/names.ts'
import { TuningExperiments } from './experiment/kinds.ts'
import { awaitsModel } from './job/awaits-model.ts'
import { podIndexes } from './job/gather.ts'
import {
  type Claim,
  Claims,
  ConfigMaps,
  InstructionTuningJobs,
  KIND,
  NetworkPolicies,
  type Pod,
  Pods,
  StageJobs,
} from './job/kinds.ts'
import { CHILD_SELECTOR, JOB_LABEL } from './job/names.ts'
import { slimNetworkPolicy } from './job/network-policy-cache.ts'
import { experimentKeys } from './job/pins.ts'
import { slimWorkload, type Workload, Workloads } from './job/queue/workload.ts'
import {
  createInformer,
  type Informer,
  type InformerOptions,
  withoutManagedFields,
} from './kube/informer.ts'
import type { KubeClient } from './kube/kube-client.ts'
import {
  type KubeObject,
  type ObjectKey,
  objectKey,
  type ResourceKind,
  slimMetadata,
} from './kube/kube-object.ts'
import type { Log } from './kube/log.ts'
import { controllerKeys } from './kube/predicates.ts'
import { createOptionalInformer } from './kube/optional-informer.ts'
import { perNamespace } from './kube/per-namespace.ts'
import type { OperatorMetrics } from './metrics/operator-metrics.ts'
import { createPolicyCaches } from './policy/policy-caches.ts'

type Options = {
  readonly client: KubeClient
  readonly config: Pick<
    Config,
    'namespaces' | 'checkPolicies' | 'readCatalogue' | 'verifyCatalogue' | 'discoveryMs'
  >
  readonly log: Log
  readonly metrics: OperatorMetrics
}

export type OperatorCaches = ReturnType<typeof createCaches>

/** The API server fills in no default within a list; what is cached is complete. */
const withDefaults =
  <S extends object>(resolve: (spec: never) => S) =>
  <T extends KubeObject<S>>(object: T): T => {
    const kept = withoutManagedFields(object)
    return kept.spec ? { ...kept, spec: resolve(kept.spec as never) } : kept
  }

/** What an operator once found, and none looks after any more, is not believed. */
const withoutStatus = (model: BaseModel): BaseModel => {
  const { status: _status, ...kept } = withoutManagedFields(model)
  return kept
}

const slimClaim = ({ apiVersion, kind, metadata }: Claim): Claim => ({
  apiVersion,
  kind,
  metadata: slimMetadata(metadata),
})

/** A pod's controller is a Job that may be gone: a label names whom the pod belongs to. */
const keyOfLabel =
  (label: string) =>
  ({ metadata }: Pod): readonly ObjectKey[] => {
    const name = metadata.labels?.[label]
    const { namespace } = metadata
    return name ? [objectKey({ name, ...(namespace ? { namespace } : {}) })] : []
  }

const keysIn =
  ({ list }: Pick<Informer<KubeObject>, 'list'>) =>
  (namespace?: string): readonly ObjectKey[] =>
    list(namespace).map(({ metadata }) => objectKey(metadata))

export const createCaches = ({ client, config, log, metrics }: Options) => {
  const common = (kind: ResourceKind) => ({
    client,
    log,
    observe: metrics.watching(kind.plural),
  })
  const informer = <T extends KubeObject>(
    kind: ResourceKind<T>,
    options: Partial<InformerOptions<T>> = {},
  ): Informer<T> =>
    perNamespace(config.namespaces, namespace =>
      createInformer({ ...common(kind), kind, ...options, ...(namespace ? { namespace } : {}) }),
    )
  const children = <T extends KubeObject>(kind: ResourceKind<T>): Informer<T> =>
    informer(kind, { labelSelector: CHILD_SELECTOR })

  const jobs = informer(InstructionTuningJobs, {
    indexes: jobIndexes,
    transform: withDefaults(resolveSpec),
  })
  const datasets = informer(InstructionDatasets, { transform: withDefaults(resolveDatasetSpec) })
  const experiments = informer(TuningExperiments, {
    transform: withDefaults(resolveExperimentSpec),
  })
  const pods = informer(Pods, { labelSelector: CHILD_SELECTOR, indexes: podIndexes })
  const stageJobs = children(StageJobs)
  // by no label of ours: Kueue makes them
  const workloads = perNamespace(config.namespaces, namespace =>
    createOptionalInformer<Workload>({
      ...common(Workloads),
      kind: Workloads,
      transform: slimWorkload,
      discoveryMs: config.discoveryMs,
      ...(namespace ? { namespace } : {}),
    }),
  )
  // by no label of ours: tenants make those of outputs
  const claims = informer(Claims, { transform: slimClaim })
  const configMaps = children(ConfigMaps)
  // by no label of ours: it could be taken off
  const networkPolicies = informer(NetworkPolicies, { transform: slimNetworkPolicy })
  // a cluster may have been installed without the CRD
  const baseModels = config.readCatalogue
    ? createOptionalInformer<BaseModel>({
        ...common(BaseModels),
        kind: BaseModels,
        discoveryMs: config.discoveryMs,
        ...(config.verifyCatalogue ? {} : { transform: withoutStatus }),
      })
    : undefined
  const watched = config.checkPolicies
    ? createPolicyCaches({
        client,
        log,
        watching: kind => ({ observe: metrics.watching(kind.plural) }),
        discoveryMs: config.discoveryMs,
      })
    : undefined
  const all: readonly Pick<Informer<never>, 'run' | 'hasSynced' | 'whenSynced'>[] = [
    jobs,
    datasets,
    experiments,
    pods,
    stageJobs,
    workloads,
    claims,
    configMaps,
    networkPolicies,
    ...(baseModels ? [baseModels] : []),
    ...(watched?.informers ?? []),
  ]
  const ofDataset = controllerKeys({ group: GROUP, kind: DATASET_KIND })
  const ofJob = controllerKeys({ group: GROUP, kind: KIND })
  const stageJobKeys = controllerKeys({ group: StageJobs.group, kind: StageJobs.kind })
  const viaStageJob =
    (keysOf: (stageJob: KubeObject) => readonly ObjectKey[]) =>
    (workload: Workload): readonly ObjectKey[] =>
      stageJobKeys(workload).flatMap(key => {
        const stageJob = stageJobs.get(key)
        return stageJob ? keysOf(stageJob) : []
      })

  type Owners = {
    readonly label: string
    readonly ofOwner: (child: KubeObject) => readonly ObjectKey[]
  }
  /** What is made for an owner, by the operator and, of that, by others. */
  const subscribeChildren = ({ label, ofOwner }: Owners, handle: (key: ObjectKey) => void) => {
    pods.subscribe({ handle, keysOf: keyOfLabel(label) })
    for (const informer of [stageJobs, claims, configMaps, networkPolicies])
      informer.subscribe({ handle, keysOf: ofOwner })
    workloads.subscribe({ handle, keysOf: viaStageJob(ofOwner) })
  }

  const jobsOfDataset = ({ metadata }: InstructionDataset): readonly ObjectKey[] =>
    jobs.byIndex(DATASET_INDEX, objectKey(metadata)).map(job => objectKey(job.metadata))

  return {
    jobs,
    datasets,
    experiments,
    pods,
    stageJobs,
    workloads,
    claims,
    configMaps,
    networkPolicies,
    ...(baseModels ? { baseModels } : {}),
    policies: watched ?? { of: () => [] },
    run: (signal: AbortSignal) => Promise.all(all.map(informer => informer.run(signal))),
    hasSynced: () => all.every(informer => informer.hasSynced()),
    whenSynced: (signal: AbortSignal) =>
      Promise.all(all.map(informer => informer.whenSynced(signal))),
    /** Everything that changes leads to the job that it belongs to. */
    subscribe: (handle: (job: ObjectKey) => void) => {
      jobs.subscribe({ handle })
      datasets.subscribe({ handle, keysOf: jobsOfDataset })
      subscribeChildren({ label: JOB_LABEL, ofOwner: ofJob }, handle)
      baseModels?.subscribe({
        handle,
        keysOf: () =>
          jobs
            .list()
            .filter(awaitsModel)
            .map(job => objectKey(job.metadata)),
      })
      watched?.subscribe(keysIn(jobs), handle)
    },
    /** Everything that changes leads to the experiment that it belongs to. */
    subscribeExperiments: (handle: (experiment: ObjectKey) => void) => {
      experiments.subscribe({ handle })
      jobs.subscribe({ handle, keysOf: experimentKeys })
    },
    /** Everything that changes leads to the dataset that it belongs to. */
    subscribeDatasets: (handle: (dataset: ObjectKey) => void) => {
      datasets.subscribe({ handle })
      subscribeChildren({ label: DATASET_LABEL, ofOwner: ofDataset }, handle)
      watched?.subscribe(keysIn(datasets), handle)
    },
  }
}
