/** The operator's Deployment and Service as plain data; the chart renders the same, which a test holds against it. */
import { labels, NAME, namespaced, selectorLabels } from './operator-metadata.ts'
import type { OperatorSettings } from './operator-settings.ts'

/** Left out where empty, as the chart does: the API server keeps no empty list or map either. */
const unlessEmpty = <K extends string, T extends object>(
  key: K,
  value: T,
): { readonly [P in K]?: T } =>
  Object.keys(value).length === 0 ? {} : ({ [key]: value } as { readonly [P in K]: T })

const networkPolicyFrom = ({ namespace, networkPolicies }: OperatorSettings) =>
  networkPolicies.enabled
    ? [`--network-policy-from=${[namespace, ...networkPolicies.prometheusNamespaces].join()}`]
    : []

const scope = ({ namespaces, clusterReads, verifyBaseModels }: OperatorSettings) => {
  const wholeCluster = namespaces.length === 0
  return [
    ...(wholeCluster ? [] : [`--namespaces=${namespaces.join()}`]),
    ...(wholeCluster || clusterReads ? ['--check-policies', '--read-catalogue'] : []),
    ...(wholeCluster ? ['--report-policies'] : []),
    ...(wholeCluster && verifyBaseModels ? ['--verify-catalogue'] : []),
  ]
}

const container = (settings: OperatorSettings) => ({
  name: 'operator',
  image: settings.operatorImage,
  imagePullPolicy: settings.imagePullPolicy,
  args: [
    '--leader-elect',
    `--leader-namespace=${settings.namespace}`,
    `--trainer-image=${settings.trainerImage}`,
    `--log-level=${settings.logLevel}`,
    ...scope(settings),
    ...networkPolicyFrom(settings),
    ...(settings.hubEndpoint === '' ? [] : [`--hub-endpoint=${settings.hubEndpoint}`]),
    ...(settings.httpsProxy === '' ? [] : [`--https-proxy=${settings.httpsProxy}`]),
    ...(settings.noProxy === '' ? [] : [`--no-proxy=${settings.noProxy}`]),
  ],
  ports: [
    { name: 'metrics', containerPort: 8080 },
    { name: 'health', containerPort: 8081 },
  ],
  livenessProbe: { httpGet: { path: '/healthz', port: 'health' }, periodSeconds: 10 },
  readinessProbe: { httpGet: { path: '/readyz', port: 'health' }, periodSeconds: 5 },
  resources: settings.resources,
  securityContext: {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  },
})

const podSpec = (settings: OperatorSettings) => ({
  serviceAccountName: NAME,
  ...unlessEmpty('imagePullSecrets', [...settings.imagePullSecrets]),
  securityContext: {
    runAsNonRoot: true,
    runAsUser: 1000,
    runAsGroup: 1000,
    seccompProfile: { type: 'RuntimeDefault' },
  },
  terminationGracePeriodSeconds: 30,
  containers: [container(settings)],
  ...unlessEmpty('nodeSelector', settings.nodeSelector),
  ...unlessEmpty('tolerations', [...settings.tolerations]),
})

export const deployment = (settings: OperatorSettings) => ({
  metadata: namespaced(settings),
  spec: {
    replicas: settings.replicas,
    selector: { matchLabels: selectorLabels(settings) },
    template: {
      metadata: {
        labels: labels(settings),
        ...unlessEmpty('annotations', settings.podAnnotations),
      },
      spec: podSpec(settings),
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
