/** The kinds this operator reads and writes, with the fields of them that it looks at. */
import { GROUP, VERSION } from '@attune/crds/api-group.ts'
import type { InstructionTuningJobStatus } from '@attune/crds/instruction-tuning-job-status.ts'
import type { ResolvedSpec } from '@attune/crds/resolved-spec.ts'
import { defineKind, type KubeObject } from '../kube/kube-object.ts'

export const KIND = 'InstructionTuningJob'

/** As it is cached: every default of the schema is in. */
export type InstructionTuningJob = KubeObject<ResolvedSpec, InstructionTuningJobStatus>

type Condition = {
  readonly type: string
  readonly status: string
  readonly reason?: string
  readonly message?: string
  readonly lastTransitionTime?: string
}

export type StageJob = KubeObject<
  { readonly suspend?: boolean },
  { readonly conditions?: readonly Condition[]; readonly active?: number; readonly failed?: number }
>

export type Terminated = {
  readonly exitCode: number
  readonly reason?: string
  readonly message?: string
  readonly startedAt?: string
  readonly finishedAt?: string
}
type ContainerStatus = {
  readonly name: string
  readonly state?: {
    readonly waiting?: { readonly reason?: string; readonly message?: string }
    readonly running?: { readonly startedAt?: string }
    readonly terminated?: Terminated
  }
}
export type Pod = KubeObject<
  {
    readonly nodeName?: string
    readonly containers: readonly {
      readonly name: string
      readonly resources?: { readonly limits?: Readonly<Record<string, string | number>> }
    }[]
  },
  {
    readonly phase?: string
    readonly podIP?: string
    readonly startTime?: string
    readonly conditions?: readonly Condition[]
    readonly containerStatuses?: readonly ContainerStatus[]
  }
>

export type Claim = KubeObject
export type NetworkPolicy = KubeObject<object>
export type ConfigMap = KubeObject & { readonly data?: Readonly<Record<string, string>> }

export const InstructionTuningJobs = defineKind<InstructionTuningJob>({
  group: GROUP,
  version: VERSION,
  plural: 'instructiontuningjobs',
  kind: KIND,
  namespaced: true,
})
export const StageJobs = defineKind<StageJob>({
  group: 'batch',
  version: 'v1',
  plural: 'jobs',
  kind: 'Job',
  namespaced: true,
})
export const Pods = defineKind<Pod>({
  group: '',
  version: 'v1',
  plural: 'pods',
  kind: 'Pod',
  namespaced: true,
})
export const Claims = defineKind<Claim>({
  group: '',
  version: 'v1',
  plural: 'persistentvolumeclaims',
  kind: 'PersistentVolumeClaim',
  namespaced: true,
})
export const NetworkPolicies = defineKind<NetworkPolicy>({
  group: 'networking.k8s.io',
  version: 'v1',
  plural: 'networkpolicies',
  kind: 'NetworkPolicy',
  namespaced: true,
})
export const ConfigMaps = defineKind<ConfigMap>({
  group: '',
  version: 'v1',
  plural: 'configmaps',
  kind: 'ConfigMap',
  namespaced: true,
})
