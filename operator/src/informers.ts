/** The informers that the reconciles read, and what each keeps of its objects. */
import { resolveDatasetSpec, resolveExperimentSpec, resolveSpec } from '@attune/crds/defaults.ts'
import { type BaseModel, BaseModels } from './base-model/kinds.ts'
import type { Config } from './config.ts'
import { jobIndexes } from './dataset/gather.ts'
import { InstructionDatasets } from './dataset/kinds.ts'
import { TuningExperiments } from './experiment/kinds.ts'
import { podIndexes } from './job/gather.ts'
import {
  type Claim,
  Claims,
  ConfigMaps,
  InstructionTuningJobs,
  NetworkPolicies,
  Pods,
  StageJobs,
} from './job/kinds.ts'
import { CHILD_SELECTOR } from './job/names.ts'
import { slimNetworkPolicy } from './job/network-policy-cache.ts'
import { slimWorkload, type Workload, Workloads } from './job/queue/workload.ts'
import {
  createInformer,
  type Informer,
  type InformerOptions,
  withoutManagedFields,
} from './kube/informer.ts'
import type { KubeClient } from './kube/kube-client.ts'
import { type KubeObject, type ResourceKind, slimMetadata } from './kube/kube-object.ts'
import type { Log } from './kube/log.ts'
import { createOptionalInformer } from './kube/optional-informer.ts'
import { perNamespace } from './kube/per-namespace.ts'
import type { OperatorMetrics } from './metrics/operator-metrics.ts'

export type InformersOptions = {
  readonly client: KubeClient
  readonly config: Pick<Config, 'namespaces' | 'readCatalogue' | 'verifyCatalogue' | 'discoveryMs'>
  readonly log: Log
  readonly metrics: Pick<OperatorMetrics, 'watching'>
}

export type Informers = ReturnType<typeof createInformers>

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

/** Each in the namespaces that the operator works in. */
const inNamespaces = ({ client, config, log, metrics }: InformersOptions) => {
  const common = (kind: ResourceKind) => ({ client, log, observe: metrics.watching(kind.plural) })
  return {
    informer: <T extends KubeObject>(
      kind: ResourceKind<T>,
      options: Partial<InformerOptions<T>> = {},
    ): Informer<T> =>
      perNamespace(config.namespaces, namespace =>
        createInformer({ ...common(kind), kind, ...options, ...(namespace ? { namespace } : {}) }),
      ),
    /** Of a CRD that may come and go. */
    optional: <T extends KubeObject>(
      kind: ResourceKind<T>,
      transform: (object: T) => T,
    ): Informer<T> =>
      perNamespace(config.namespaces, namespace =>
        createOptionalInformer<T>({
          ...common(kind),
          ...{ kind, transform, discoveryMs: config.discoveryMs },
          ...(namespace ? { namespace } : {}),
        }),
      ),
    /** Of the whole cluster, which may have been installed without the CRD. */
    catalogue: (): Informer<BaseModel> =>
      createOptionalInformer<BaseModel>({
        ...common(BaseModels),
        ...{ kind: BaseModels, discoveryMs: config.discoveryMs },
        ...(config.verifyCatalogue ? {} : { transform: withoutStatus }),
      }),
  }
}

export const createInformers = (options: InformersOptions) => {
  const { informer, optional, catalogue } = inNamespaces(options)
  const children = <T extends KubeObject>(kind: ResourceKind<T>): Informer<T> =>
    informer(kind, { labelSelector: CHILD_SELECTOR })
  return {
    jobs: informer(InstructionTuningJobs, {
      indexes: jobIndexes,
      transform: withDefaults(resolveSpec),
    }),
    datasets: informer(InstructionDatasets, { transform: withDefaults(resolveDatasetSpec) }),
    experiments: informer(TuningExperiments, { transform: withDefaults(resolveExperimentSpec) }),
    pods: informer(Pods, { labelSelector: CHILD_SELECTOR, indexes: podIndexes }),
    stageJobs: children(StageJobs),
    // by no label of ours: Kueue makes them
    workloads: optional<Workload>(Workloads, slimWorkload),
    // by no label of ours: tenants make those of outputs
    claims: informer(Claims, { transform: slimClaim }),
    configMaps: children(ConfigMaps),
    // by no label of ours: it could be taken off
    networkPolicies: informer(NetworkPolicies, { transform: slimNetworkPolicy }),
    ...(options.config.readCatalogue ? { baseModels: catalogue() } : {}),
  }
}
