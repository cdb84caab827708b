/** The pod of every trainer container: restricted profile, no token, and what its owner's pod template adds. */
import type { ResolvedSpec } from '@attune/crds/resolved-spec.ts'
import { podEnvironment, podMetadata, podPlacement } from '../../pods/pod-template.ts'
import type { JobConfig } from '../job-config.ts'
import { CONTAINER } from '../pod-state.ts'

/** User and group of the trainer image. */
const TRAINER_ID = 1000

type PodTemplate = ResolvedSpec['podTemplate']

export type TrainerPod = {
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string | undefined>>
  readonly podTemplate: PodTemplate | undefined
  /** beside those of the pod template */
  readonly nodeSelector: Readonly<Record<string, string>>
  readonly tolerations: NonNullable<PodTemplate['tolerations']>
  readonly args: readonly string[]
  /** Secret whose `token` the hub is asked with */
  readonly hubSecret: string | undefined
  /** whether sources are fetched */
  readonly fetches: boolean
  readonly resources: { readonly requests: object; readonly limits: object }
  readonly volumes: {
    readonly volumes: readonly object[]
    readonly volumeMounts: readonly object[]
  }
  readonly gracePeriodSeconds: number
  readonly config: JobConfig
}

/** Node's fetch looks at them only where it is told to. */
const proxyVariables = ({ proxy }: JobConfig) =>
  proxy
    ? [
        { name: 'NODE_USE_ENV_PROXY', value: '1' },
        { name: 'HTTP_PROXY', value: proxy.url },
        { name: 'HTTPS_PROXY', value: proxy.url },
        ...(proxy.noProxy ? [{ name: 'NO_PROXY', value: proxy.noProxy }] : []),
      ]
    : []

const environment = ({ hubSecret, fetches, config }: TrainerPod) => {
  const token = {
    name: 'HF_TOKEN',
    valueFrom: { secretKeyRef: { name: hubSecret, key: 'token', optional: false } },
  }
  const endpoint = fetches ? config.hubEndpoint : undefined
  return [
    // the root file system is read-only; libraries look for caches below HOME
    { name: 'HOME', value: '/tmp' },
    ...(hubSecret ? [token] : []),
    ...(endpoint ? [{ name: 'HF_ENDPOINT', value: endpoint }] : []),
    ...(fetches ? proxyVariables(config) : []),
  ]
}

const container = (pod: TrainerPod) => {
  const { config, args, resources, volumes } = pod
  return {
    name: CONTAINER,
    image: config.trainerImage,
    imagePullPolicy: config.trainerImagePullPolicy,
    args,
    env: podEnvironment(pod.podTemplate, environment(pod)),
    ports: [{ name: 'http', containerPort: config.trainerPort, protocol: 'TCP' }],
    resources,
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: volumes.volumeMounts,
  }
}

/** Pod template of a Job. */
export const trainerPod = (pod: TrainerPod) => ({
  metadata: podMetadata(pod.podTemplate, pod),
  spec: {
    restartPolicy: 'Never',
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    // the kernel keeps a SIGTERM from process 1 that does not listen yet: it would use up the grace period
    shareProcessNamespace: true,
    terminationGracePeriodSeconds: pod.gracePeriodSeconds,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: TRAINER_ID,
      runAsGroup: TRAINER_ID,
      fsGroup: TRAINER_ID,
      // walking a large workspace at every start takes minutes
      fsGroupChangePolicy: 'OnRootMismatch',
      seccompProfile: { type: 'RuntimeDefault' },
    },
    ...podPlacement(pod.podTemplate, pod),
    containers: [container(pod)],
    volumes: pod.volumes.volumes,
  },
})
