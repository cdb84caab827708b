/** The objects of an installation as plain data; the chart renders the same, which a test holds against it. */
export type OperatorSettings = {
  readonly release: string
  readonly namespace: string
  readonly version: string
  readonly operatorImage: string
  readonly trainerImage: string
  readonly replicas: number
  readonly logLevel: string
}

const NAME = 'attune-operator'
const LEADER_RULES = [
  {
    apiGroups: ['coordination.k8s.io'],
    resources: ['leases'],
    verbs: ['get', 'create', 'update', 'patch'],
  },
]
/** What the operator may do; it reads no Secret. */
const CLUSTER_RULES = [
  {
    apiGroups: ['attune.dev'],
    resources: ['instructiontuningjobs'],
    verbs: ['get', 'list', 'watch'],
  },
  {
    apiGroups: ['attune.dev'],
    resources: ['instructiontuningjobs/status'],
    verbs: ['get', 'patch', 'update'],
  },
  { apiGroups: ['attune.dev'], resources: ['instructiontuningjobs/finalizers'], verbs: ['update'] },
  {
    apiGroups: ['batch'],
    resources: ['jobs'],
    verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'],
  },
  {
    apiGroups: [''],
    resources: ['persistentvolumeclaims', 'configmaps'],
    verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'],
  },
  { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch', 'delete'] },
  { apiGroups: ['', 'events.k8s.io'], resources: ['events'], verbs: ['create', 'patch'] },
]

const selectorLabels = ({ release }: OperatorSettings) => ({
  'app.kubernetes.io/name': NAME,
  'app.kubernetes.io/instance': release,
})
const labels = (settings: OperatorSettings) => ({
  ...selectorLabels(settings),
  'app.kubernetes.io/version': settings.version,
  'app.kubernetes.io/part-of': 'attune',
})

const container = (settings: OperatorSettings) => ({
  name: 'operator',
  image: settings.operatorImage,
  imagePullPolicy: 'IfNotPresent',
  args: [
    '--leader-elect',
    `--leader-namespace=${settings.namespace}`,
    `--trainer-image=${settings.trainerImage}`,
    `--log-level=${settings.logLevel}`,
  ],
  ports: [
    { name: 'metrics', containerPort: 8080 },
    { name: 'health', containerPort: 8081 },
  ],
  livenessProbe: { httpGet: { path: '/healthz', port: 'health' }, periodSeconds: 10 },
  readinessProbe: { httpGet: { path: '/readyz', port: 'health' }, periodSeconds: 5 },
  resources: { requests: { cpu: '50m', memory: '192Mi' }, limits: { memory: '512Mi' } },
  securityContext: {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  },
})

const namespaced = (settings: OperatorSettings) => ({
  name: NAME,
  namespace: settings.namespace,
  labels: labels(settings),
})
const clusterWide = (settings: OperatorSettings) => ({
  name: `${settings.namespace}-${NAME}`,
  labels: labels(settings),
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
  roleRef: {
    apiGroup: 'rbac.authorization.k8s.io',
    kind: 'ClusterRole',
    name: clusterWide(settings).name,
  },
  subjects: subjects(settings),
})

export const role = (settings: OperatorSettings) => ({
  metadata: namespaced(settings),
  rules: LEADER_RULES,
})

export const roleBinding = (settings: OperatorSettings) => ({
  metadata: namespaced(settings),
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: NAME },
  subjects: subjects(settings),
})

export const deployment = (settings: OperatorSettings) => ({
  metadata: namespaced(settings),
  spec: {
    replicas: settings.replicas,
    selector: { matchLabels: selectorLabels(settings) },
    template: {
      metadata: { labels: labels(settings) },
      spec: {
        serviceAccountName: NAME,
        securityContext: {
          runAsNonRoot: true,
          runAsUser: 1000,
          runAsGroup: 1000,
          seccompProfile: { type: 'RuntimeDefault' },
        },
        terminationGracePeriodSeconds: 30,
        containers: [container(settings)],
      },
    },
  },
})

export const metricsService = (settings: OperatorSettings) => ({
  metadata: { ...namespaced(settings), name: `${NAME}-metrics` },
  spec: {
    selector: selectorLabels(settings),
    ports: [{ name: 'metrics', port: 8080, targetPort: 'metrics' }],
  },
})
