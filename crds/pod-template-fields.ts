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

/** Below `spec`, where `allowedPodTemplateFields` is asked for the last name of each. */
export const POD_FIELDS = POD_TEMPLATE_FIELDS.map(field => `podTemplate.${field}` as const)
/** The stages on an accelerator are placed by fields of their own. */
export const JOB_POD_FIELDS = [
  ...POD_FIELDS,
  'resources.accelerator.nodeSelector',
  'resources.accelerator.tolerations',
] as const

/** By these the operator, the Job controller and Kueue know their pods. */
const RESERVED_KEYS = ['attune.dev/', 'batch.kubernetes.io/', 'kueue.x-k8s.io/']
/** An annotation could take a profile away that the pod's fields ask for. */
const PROFILE_KEYS = [
  'container.apparmor.security.beta.kubernetes.io/',
  'seccomp.security.alpha.kubernetes.io/',
  'container.seccomp.security.alpha.kubernetes.io/',
]
/** Multus gives a pod further networks by them, which no NetworkPolicy covers. */
const NETWORK_KEYS = ['k8s.v1.cni.cncf.io/', 'v1.multus-cni.io/']
export const RESERVED_PREFIXES: readonly string[] = [
  ...RESERVED_KEYS,
  ...PROFILE_KEYS,
  ...NETWORK_KEYS,
]

/**
 * Variables that are named here and no others: Node, OpenSSL, CUDA, ONNX Runtime, the C library and the container
 * runtime take code to load, certificates to trust, proxies to go through and devices to show from far more names
 * than could be listed.
 */
export const ALLOWED_VARIABLES: readonly string[] = [
  'TZ',
  'CUDA_DEVICE_ORDER',
  'CUDA_LAUNCH_BLOCKING',
  'NVIDIA_TF32_OVERRIDE',
]
/** Nothing that the trainer is made of reads such a name. */
export const TENANT_VARIABLE_PREFIX = 'TENANT_'

export const isReservedKey = (key: string): boolean =>
  RESERVED_PREFIXES.some(prefix => key.startsWith(prefix))

export const isAllowedVariable = (name: string): boolean =>
  ALLOWED_VARIABLES.includes(name) || name.startsWith(TENANT_VARIABLE_PREFIX)
