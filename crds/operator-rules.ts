/** What the operator may do: the calls that it makes, and no Secret among them; chart and Pulumi component grant it. */
import type { Rule } from './tenant-roles.ts'

const CHILD_VERBS = ['get', 'list', 'watch', 'create', 'delete']
/** In every namespace with jobs. */
export const NAMESPACE_RULES: readonly Rule[] = [
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
  // one that somebody has changed is put right in place
  {
    apiGroups: ['networking.k8s.io'],
    resources: ['networkpolicies'],
    verbs: [...CHILD_VERBS, 'patch'],
  },
  // listed where a pod or a Job does not start: only its Events say why
  { apiGroups: [''], resources: ['events'], verbs: ['list', 'create', 'patch'] },
]

/** Of the whole cluster, also for an operator that works in a list of namespaces. */
export const CLUSTER_READS: readonly Rule[] = [
  // which jobs a policy does not allow, and which policies are for a namespace
  {
    apiGroups: ['attune.dev'],
    resources: ['basemodels', 'tuningpolicies'],
    verbs: ['list', 'watch'],
  },
  { apiGroups: [''], resources: ['namespaces'], verbs: ['list', 'watch'] },
]

/** Of the whole cluster, where it works in all of it. */
export const CLUSTER_RULES: readonly Rule[] = [
  ...CLUSTER_READS,
  {
    apiGroups: ['attune.dev'],
    resources: ['basemodels/status', 'tuningpolicies/status'],
    verbs: ['patch'],
  },
]
