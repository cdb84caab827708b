/** What the operator may do: the calls that it makes, and no Secret among them. */
import { clusterWide, NAME, namespaced } from './operator-metadata.ts'
import type { OperatorSettings } from './operator-settings.ts'

const LEADER_RULES = [
  {
    apiGroups: ['coordination.k8s.io'],
    resources: ['leases'],
    verbs: ['get', 'create', 'patch'],
  },
]
const CHILD_VERBS = ['get', 'list', 'watch', 'create', 'delete']
const CLUSTER_RULES = [
  {
    apiGroups: ['attune.dev'],
    resources: ['instructiontuningjobs', 'tuningexperiments', 'instructiondatasets'],
    verbs: ['list', 'watch'],
  },
  {
    apiGroups: ['attune.dev'],
    resources: [
      'instructiontuningjobs/status',
      'tuningexperiments/status',
      'instructiondatasets/status',
    ],
    verbs: ['patch'],
  },
  // asked for by the API server where an owner reference blocks the owner's deletion
  {
    apiGroups: ['attune.dev'],
    resources: [
      'instructiontuningjobs/finalizers',
      'tuningexperiments/finalizers',
      'instructiondatasets/finalizers',
    ],
    verbs: ['update'],
  },
  // the trials of an experiment
  {
    apiGroups: ['attune.dev'],
    resources: ['instructiontuningjobs'],
    verbs: ['get', 'create', 'patch'],
  },
  { apiGroups: ['batch'], resources: ['jobs'], verbs: CHILD_VERBS },
  { apiGroups: ['kueue.x-k8s.io'], resources: ['workloads'], verbs: ['get', 'list', 'watch'] },
  { apiGroups: [''], resources: ['persistentvolumeclaims', 'configmaps'], verbs: CHILD_VERBS },
  { apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch'] },
  { apiGroups: [''], resources: ['events'], verbs: ['list', 'create', 'patch'] },
]

const roleRef = (kind: 'Role' | 'ClusterRole', name: string) => ({
  apiGroup: 'rbac.authorization.k8s.io',
  kind,
  name,
})
const subjects = ({ namespace }: OperatorSettings) => [
  { kind: 'ServiceAccount', name: NAME, namespace },
]

export const serviceAccount = (settings: OperatorSettings) => ({ metadata: namespaced(settings) })

export const clusterRole = (settings: OperatorSettings) => ({
  metadata: clusterWide(settings),
  rules: CLUSTER_RULES,
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
