/** The policies of the cluster and the labels by which they choose namespaces. */
import { createInformer, type Informer } from '../kube/informer.ts'
import type { KubeClient } from '../kube/kube-client.ts'
import type { ObjectKey, ResourceKind } from '../kube/kube-object.ts'
import type { Log } from '../kube/log.ts'
import { createOptionalInformer } from '../kube/optional-informer.ts'
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
  return {
    informers,
    /** Those that select the namespace. */
    of: (namespace: string | undefined): readonly TuningPolicy[] => {
      const labels = namespaces.get(namespace ?? '')?.metadata.labels ?? {}
      return policies.list().filter(policy => selects(policy, labels))
    },
    /** @param keysIn keys of the objects in a namespace, or in all */
    subscribe: (
      keysIn: (namespace?: string) => readonly ObjectKey[],
      handle: (key: ObjectKey) => void,
    ) => {
      policies.subscribe({ keysOf: () => keysIn(), handle })
      namespaces.subscribe({
        when: ({ before, after }) => !before || !after || labelsOf(before) !== labelsOf(after),
        keysOf: ({ metadata }) => keysIn(metadata.name),
        handle,
      })
    },
  }
}
