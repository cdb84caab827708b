/** The policies of the cluster and the labels by which they choose namespaces. */
import { createInformer, type Informer } from '../kube/informer.ts'
import type { KubeClient } from '../kube/kube-client.ts'
import { type ObjectKey, objectKey, type ResourceKind } from '../kube/kube-object.ts'
import type { Log } from '../kube/log.ts'
import { createOptionalInformer } from '../kube/optional-informer.ts'
import { generationChanged, type Predicate } from '../kube/predicates.ts'
import { type Namespace, Namespaces, TuningPolicies, type TuningPolicy } from './kinds.ts'
import { selects } from './selects.ts'

type Options = {
  readonly client: KubeClient
  readonly log: Log
  readonly watching: (kind: ResourceKind) => object
  readonly discoveryMs: number
}

export type PolicyCaches = ReturnType<typeof createPolicyCaches>

const labelsOf = ({ metadata }: Namespace) => JSON.stringify(metadata.labels ?? {})
const relabelled: Predicate<Namespace> = ({ before, after }) =>
  !before || !after || labelsOf(before) !== labelsOf(after)

export const createPolicyCaches = ({ client, log, watching, discoveryMs }: Options) => {
  const common = (kind: ResourceKind) => ({ client, log, ...watching(kind) })
  // a cluster may have been installed without the CRD
  const policies = createOptionalInformer<TuningPolicy>({
    ...common(TuningPolicies),
    kind: TuningPolicies,
    discoveryMs,
  })
  const namespaces = createInformer<Namespace>({ ...common(Namespaces), kind: Namespaces })
  const informers: readonly Pick<Informer<never>, 'run' | 'hasSynced' | 'whenSynced'>[] = [
    policies,
    namespaces,
  ]
  const selecting = (labels: Namespace['metadata']['labels'] = {}): readonly TuningPolicy[] =>
    policies.list().filter(policy => selects(policy, labels))
  return {
    informers,
    get: policies.get,
    list: policies.list,
    /** Those that select the namespace. */
    of: (namespace: string | undefined): readonly TuningPolicy[] =>
      selecting(namespaces.get(namespace ?? '')?.metadata.labels),
    /** Names of those that the policy selects. */
    namespacesOf: (policy: TuningPolicy): readonly string[] =>
      namespaces
        .list()
        .filter(({ metadata }) => selects(policy, metadata.labels ?? {}))
        .map(({ metadata }) => metadata.name),
    /** Tells which policies came, changed, or select other namespaces than before. */
    subscribeOwn: (handle: (key: ObjectKey) => void) => {
      policies.subscribe({ handle })
      namespaces.subscribe({
        when: relabelled,
        keysOf: ({ metadata }) =>
          selecting(metadata.labels).map(policy => objectKey(policy.metadata)),
        handle,
      })
    },
    /** @param keysIn keys of the objects in a namespace, or in all */
    subscribe: (
      keysIn: (namespace?: string) => readonly ObjectKey[],
      handle: (key: ObjectKey) => void,
    ) => {
      // what is written into its status is no other limit
      policies.subscribe({ when: generationChanged, keysOf: () => keysIn(), handle })
      namespaces.subscribe({
        when: relabelled,
        keysOf: ({ metadata }) => keysIn(metadata.name),
        handle,
      })
    },
  }
}
