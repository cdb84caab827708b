/** What the pods of a job can reach, and who reaches them; Kubernetes adds up every policy that selects a pod. */
import { CURATE, type Stage, type TrainerStage } from '@attune/crds/stage.ts'
import type { Manifest } from '../../kube/kube-client.ts'
import { controllerReference, type KubeObject } from '../../kube/kube-object.ts'
import { STAGE_LABEL, shortName } from '../names.ts'

/** Instance metadata and with it the credentials of the node. */
const LINK_LOCAL = { v4: '169.254.0.0/16', v6: 'fe80::/10' }
const METADATA_V6 = 'fd00:ec2::254/128'

/**
 * Prepare fetches, from anywhere. Train and Evaluate run model code. Publish writes to a claim, which the kubelet
 * mounts; once an output is sent over the network it belongs to the first list.
 */
const NETWORKS = {
  egress: ['prepare'],
  isolated: ['train', 'evaluate', 'publish'],
} as const satisfies Readonly<Record<string, readonly Stage[]>>

type Network = keyof typeof NETWORKS

const EGRESS = [
  // a resolver on the node has a link-local address
  {
    ports: [
      { protocol: 'UDP', port: 53 },
      { protocol: 'TCP', port: 53 },
    ],
  },
  {
    to: [
      { ipBlock: { cidr: '0.0.0.0/0', except: [LINK_LOCAL.v4] } },
      { ipBlock: { cidr: '::/0', except: [LINK_LOCAL.v6, METADATA_V6] } },
      { namespaceSelector: {} },
    ],
  },
]

export type PodNetwork = {
  readonly owner: KubeObject
  /** of the owner's pods */
  readonly labels: Readonly<Record<string, string>>
  /** of the NetworkPolicy itself */
  readonly objectLabels: Readonly<Record<string, string>>
  /** namespaces whose pods may read metrics and progress */
  readonly from: readonly string[]
  readonly port: number
}

const networkPolicy = (
  { owner, labels, objectLabels, from, port }: PodNetwork,
  network: Network,
  { suffix, stages }: { readonly suffix: string; readonly stages: readonly TrainerStage[] },
): Manifest => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: {
    name: shortName(owner.metadata.name, suffix),
    ...(owner.metadata.namespace ? { namespace: owner.metadata.namespace } : {}),
    labels: objectLabels,
    ownerReferences: [controllerReference(owner)],
  },
  spec: {
    podSelector: {
      matchLabels: labels,
      matchExpressions: [{ key: STAGE_LABEL, operator: 'In', values: [...stages] }],
    },
    policyTypes: ['Ingress', 'Egress'],
    ingress: [
      {
        from: [
          {
            namespaceSelector: {
              matchExpressions: [
                { key: 'kubernetes.io/metadata.name', operator: 'In', values: [...from] },
              ],
            },
          },
        ],
        ports: [{ protocol: 'TCP', port }],
      },
    ],
    // absent means none: an empty list is not stored
    ...(network === 'egress' ? { egress: EGRESS } : {}),
  },
})

/** One for the stages that need a network and one for those that must not have it. */
export const networkPolicies = (pods: PodNetwork): readonly Manifest[] => [
  networkPolicy(pods, 'egress', { suffix: '-egress', stages: NETWORKS.egress }),
  networkPolicy(pods, 'isolated', { suffix: '-isolated', stages: NETWORKS.isolated }),
]

/** The stage of a dataset fetches; a job may have the dataset's name. */
export const datasetNetworkPolicy = (pods: PodNetwork): Manifest =>
  networkPolicy(pods, 'egress', { suffix: `-${CURATE}`, stages: [CURATE] })
