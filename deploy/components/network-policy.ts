/** Who reaches the operator's pods, and what they reach; the chart's template says why out is off by default. */
import { namespaced, selectorLabels } from './operator-metadata.ts'
import type { OperatorSettings } from './operator-settings.ts'

const HUB = 'https://huggingface.co'

const tcp = (port: number) => ({ protocol: 'TCP', port })
const inNamespaces = (namespaces: readonly string[]) => ({
  matchExpressions: [
    { key: 'kubernetes.io/metadata.name', operator: 'In', values: [...namespaces] },
  ],
})

const portOf = (url: string): number => {
  const { port, protocol } = new URL(url)
  return port === '' ? { 'https:': 443, 'http:': 80 }[protocol as 'https:' | 'http:'] : Number(port)
}

const ingress = ({ namespace, networkPolicies }: OperatorSettings) => [
  { ports: [tcp(8081)] },
  {
    from: [
      {
        namespaceSelector: inNamespaces([namespace, ...networkPolicies.prometheusNamespaces]),
      },
      ...networkPolicies.operator.metricsFrom,
    ],
    ports: [tcp(8080)],
  },
]

const apiServer = ({ networkPolicies }: OperatorSettings) => {
  const { cidrs, ports } = networkPolicies.operator.apiServer
  return {
    ports: ports.map(tcp),
    ...(cidrs.length === 0 ? {} : { to: cidrs.map(cidr => ({ ipBlock: { cidr } })) }),
  }
}

const trainers = ({ namespaces }: OperatorSettings) => ({
  to: [
    {
      podSelector: { matchLabels: { 'app.kubernetes.io/managed-by': 'attune-operator' } },
      namespaceSelector: namespaces.length === 0 ? {} : inNamespaces(namespaces),
    },
  ],
  ports: [tcp(8080)],
})

/** Or the proxy on the way to it. */
const hub = ({ namespaces, verifyBaseModels, hubEndpoint, httpsProxy }: OperatorSettings) => {
  if (namespaces.length > 0 || !verifyBaseModels) return []
  const urls = [hubEndpoint || HUB, ...(httpsProxy === '' ? [] : [httpsProxy])]
  return [{ ports: [...new Set(urls.map(portOf))].map(tcp) }]
}

const egress = (settings: OperatorSettings) => [
  { ports: [{ protocol: 'UDP', port: 53 }, tcp(53)] },
  apiServer(settings),
  trainers(settings),
  ...hub(settings),
  ...settings.networkPolicies.operator.additionalEgress,
]

/** Undefined where neither way is restricted. */
export const operatorNetworkPolicy = (settings: OperatorSettings) => {
  const { enabled, operator } = settings.networkPolicies
  if (!enabled || !(operator.ingress || operator.egress)) return undefined
  return {
    metadata: namespaced(settings),
    spec: {
      podSelector: { matchLabels: selectorLabels(settings) },
      policyTypes: [
        ...(operator.ingress ? ['Ingress'] : []),
        ...(operator.egress ? ['Egress'] : []),
      ],
      ...(operator.ingress ? { ingress: ingress(settings) } : {}),
      ...(operator.egress ? { egress: egress(settings) } : {}),
    },
  }
}
