/** What a job may set of its pods, and what in it stays with the operator, the cluster and the restricted profile. */

/** In the order in which documents list them. */
export const POD_TEMPLATE_FIELDS = [
  'labels',
  'annotations',
  'nodeSelector',
  'tolerations',
  'affinity',
  'topologySpreadConstraints',
  'runtimeClassName',
  'priorityClassName',
  'imagePullSecrets',
  'serviceAccountName',
  'env',
] as const
export type PodTemplateField = (typeof POD_TEMPLATE_FIELDS)[number]

/** By these the operator, the Job controller and Kueue know their pods. */
const RESERVED_KEYS = ['attune.dev/', 'batch.kubernetes.io/', 'kueue.x-k8s.io/']
/** An annotation could take a profile away that the pod's fields ask for. */
const PROFILE_KEYS = [
  'container.apparmor.security.beta.kubernetes.io/',
  'seccomp.security.alpha.kubernetes.io/',
  'container.seccomp.security.alpha.kubernetes.io/',
]
export const RESERVED_PREFIXES: readonly string[] = [...RESERVED_KEYS, ...PROFILE_KEYS]

/** Set by the operator, or a way to have the trainer load other code. */
export const RESERVED_VARIABLES: readonly string[] = [
  'HOME',
  'PATH',
  'HF_TOKEN',
  'HF_ENDPOINT',
  'NODE_OPTIONS',
]
export const RESERVED_VARIABLE_PREFIXES: readonly string[] = ['LD_', 'ATTUNE_']

export const isReservedKey = (key: string): boolean =>
  RESERVED_PREFIXES.some(prefix => key.startsWith(prefix))

export const isReservedVariable = (name: string): boolean =>
  RESERVED_VARIABLES.includes(name) ||
  RESERVED_VARIABLE_PREFIXES.some(prefix => name.startsWith(prefix))
