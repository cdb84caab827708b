/** What an installation can be told: the values of the chart, by the names that a program would give them. */
export type Toleration = {
  readonly key?: string
  readonly operator?: 'Exists' | 'Equal' | 'Lt' | 'Gt'
  readonly value?: string
  readonly effect?: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute'
  readonly tolerationSeconds?: number
}

type Quantities = Readonly<Record<string, string>>

export type PodMonitorSettings = {
  readonly enabled: boolean
  /** between two scrapes, such as `15s` */
  readonly interval: string
  /** further labels, for a Prometheus that selects by them */
  readonly labels: Readonly<Record<string, string>>
}

type LabelSelector = {
  readonly matchLabels?: Readonly<Record<string, string>>
  readonly matchExpressions?: {
    readonly key: string
    readonly operator: string
    readonly values?: string[]
  }[]
}
/** As Kubernetes takes it. */
export type NetworkPolicyPeer = {
  readonly namespaceSelector?: LabelSelector
  readonly podSelector?: LabelSelector
  readonly ipBlock?: { readonly cidr: string; readonly except?: string[] }
}
/** As Kubernetes takes it. */
export type NetworkPolicyEgressRule = {
  readonly to?: NetworkPolicyPeer[]
  readonly ports?: {
    readonly protocol?: string
    readonly port?: number | string
    readonly endPort?: number
  }[]
}

export type OperatorNetworkSettings = {
  /** nobody else is let in to the operator's pods but to ask for their health */
  readonly ingress: boolean
  /** further peers that may read its metrics */
  readonly metricsFrom: readonly NetworkPolicyPeer[]
  /** out only to DNS, the API server, the trainers and the hub */
  readonly egress: boolean
  /** behind its Service; no `cidrs`: any address */
  readonly apiServer: { readonly cidrs: readonly string[]; readonly ports: readonly number[] }
  readonly additionalEgress: readonly NetworkPolicyEgressRule[]
}

export type NetworkPolicySettings = {
  /** whether the pods of every job get NetworkPolicies, and those of the operator one */
  readonly enabled: boolean
  /** beside the operator's own: may read the metrics of both */
  readonly prometheusNamespaces: readonly string[]
  readonly operator: OperatorNetworkSettings
}

export type OperatorSettings = {
  readonly release: string
  readonly namespace: string
  readonly version: string
  readonly operatorImage: string
  readonly trainerImage: string
  readonly imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never'
  /** of the operator's image */
  readonly imagePullSecrets: readonly { readonly name: string }[]
  readonly replicas: number
  readonly resources: { readonly requests?: Quantities; readonly limits?: Quantities }
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error'
  /** URL of a mirror of the Hugging Face Hub; empty: the Hub itself */
  readonly hubEndpoint: string
  /** URL of the HTTP proxy that Prepare fetches through, and the operator asks the hub through; empty: none */
  readonly httpsProxy: string
  /** hosts that are asked without it, with commas between them */
  readonly noProxy: string
  /** to work in, by Roles in each; empty: the whole cluster */
  readonly namespaces: readonly string[]
  /** with `namespaces`: BaseModels, TuningPolicies and namespaces of the whole cluster are read, by a ClusterRole */
  readonly clusterReads: boolean
  readonly networkPolicies: NetworkPolicySettings
  /** the API server refuses jobs that a TuningPolicy does not allow */
  readonly enforceTuningPolicies: boolean
  /** the hub is asked what the BaseModels are */
  readonly verifyBaseModels: boolean
  /** Attune's kinds are added to the roles view, edit and admin */
  readonly tenantRoles: boolean
  readonly podMonitor: PodMonitorSettings
  readonly nodeSelector: Readonly<Record<string, string>>
  readonly tolerations: readonly Toleration[]
  readonly podAnnotations: Readonly<Record<string, string>>
}

export const DEFAULT_SETTINGS: OperatorSettings = Object.freeze({
  release: 'attune',
  namespace: 'attune-system',
  version: '0.1.0',
  operatorImage: 'attune/operator:0.1.0',
  trainerImage: 'attune/trainer:0.1.0',
  imagePullPolicy: 'IfNotPresent',
  imagePullSecrets: [],
  replicas: 1,
  resources: { requests: { cpu: '50m', memory: '192Mi' }, limits: { memory: '512Mi' } },
  logLevel: 'info',
  hubEndpoint: '',
  httpsProxy: '',
  noProxy: '',
  namespaces: [],
  clusterReads: false,
  networkPolicies: {
    enabled: true,
    prometheusNamespaces: ['monitoring'],
    operator: {
      ingress: true,
      metricsFrom: [],
      egress: false,
      apiServer: { cidrs: [], ports: [443, 6443] },
      additionalEgress: [],
    },
  },
  enforceTuningPolicies: true,
  verifyBaseModels: true,
  tenantRoles: true,
  // off, unlike the chart's: a program cannot ask the cluster whether it knows the kind
  podMonitor: { enabled: false, interval: '15s', labels: {} },
  nodeSelector: {},
  tolerations: [],
  podAnnotations: {},
})
