/** Who the operator is and what it is granted. */
import { CLUSTER_READS, CLUSTER_RULES, NAMESPACE_RULES } from '@attune/crds/operator-rules.ts'
import type { Rule } from '@attune/crds/tenant-roles.ts'
import { clusterWide, labels, NAME, namespaced } from './operator-metadata.ts'
import type { OperatorSettings } from './operator-settings.ts'

const LEADER_RULES = [
  {
    apiGroups: ['coordination.k8s.io'],
    resources: ['leases'],
    verbs: ['get', 'create', 'patch'],
  },
]
const roleRef = (kind: 'Role' | 'ClusterRole', name: string) => ({
  apiGroup: 'rbac.authorization.k8s.io',
  kind,
  name,
})
const subjects = ({ namespace }: OperatorSettings) => [
  { kind: 'ServiceAccount', name: NAME, namespace },
]

const granted = ({ apiGroups, resources, verbs }: Rule) => ({
  apiGroups: [...apiGroups],
  resources: [...resources],
  verbs: [...verbs],
})

export const serviceAccount = (settings: OperatorSettings) => ({ metadata: namespaced(settings) })

/** All of its rights, or what it reads beside the Roles of its namespaces. */
export const clusterRole = (settings: OperatorSettings) => ({
  metadata: clusterWide(settings),
  rules: (settings.namespaces.length > 0
    ? CLUSTER_READS
    : [...NAMESPACE_RULES, ...CLUSTER_RULES]
  ).map(granted),
})

export const clusterRoleBinding = (settings: OperatorSettings) => ({
  metadata: clusterWide(settings),
  roleRef: roleRef('ClusterRole', clusterWide(settings).name),
  subjects: subjects(settings),
})

/** For the Lease by which one replica leads. */
export const role = (settings: OperatorSettings) => ({
  metadata: namespaced(settings),
  rules: LEADER_RULES,
})

export const roleBinding = (settings: OperatorSettings) => ({
  metadata: namespaced(settings),
  roleRef: roleRef('Role', NAME),
  subjects: subjects(settings),
})

const inNamespace = (settings: OperatorSettings, namespace: string) => ({
  name: `${clusterWide(settings).name}-${namespace}`,
  namespace,
  labels: labels(settings),
})

/** In place of the ClusterRole where the operator works in a list of namespaces. */
export const namespaceRole = (settings: OperatorSettings, namespace: string) => ({
  metadata: inNamespace(settings, namespace),
  rules: NAMESPACE_RULES.map(granted),
})

export const namespaceRoleBinding = (settings: OperatorSettings, namespace: string) => ({
  metadata: inNamespace(settings, namespace),
  roleRef: roleRef('Role', inNamespace(settings, namespace).name),
  subjects: subjects(settings),
})
