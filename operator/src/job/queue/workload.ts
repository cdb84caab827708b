/** Kueue's `Workload`: what it makes of every Job that it manages, as far as it is read here. */
import { defineKind, type KubeObject, slimMetadata } from '../../kube/kube-object.ts'
import { ownedBy } from '../../kube/predicates.ts'
import type { StageJob } from '../kinds.ts'

export type WorkloadCondition = {
  readonly type: string
  readonly status: string
  readonly reason?: string
  readonly message?: string
}
export type Workload = KubeObject<
  { readonly active?: boolean },
  { readonly conditions?: readonly WorkloadCondition[] }
>

/** v1beta2 is what Kueue stores from 0.15 on. */
export const Workloads = defineKind<Workload>({
  group: 'kueue.x-k8s.io',
  version: 'v1beta2',
  plural: 'workloads',
  kind: 'Workload',
  namespaced: true,
})

/** Of every Workload of the cluster these fields are kept: the pod templates in it would fill the cache. */
export const slimWorkload = ({ apiVersion, kind, metadata, spec, status }: Workload): Workload => {
  const conditions = status?.conditions?.map(({ type, status, reason, message }) => ({
    type,
    status,
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message }),
  }))
  return {
    apiVersion,
    kind,
    metadata: slimMetadata(metadata),
    spec: spec?.active === undefined ? {} : { active: spec.active },
    status: conditions ? { conditions } : {},
  }
}

/** The Workload of a Job; one that is being deleted says nothing any more. */
export const workloadOf = (
  workloads: readonly Workload[],
  job: StageJob | undefined,
): Workload | undefined =>
  job &&
  workloads.find(
    workload => ownedBy(job, workload) && workload.metadata.deletionTimestamp === undefined,
  )
