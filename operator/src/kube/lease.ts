/** Leases of coordination.k8s.io, as records of who leads. */
import type { Manifest } from './kube-client.ts'
import { apiVersionOf, defineKind, type KubeObject } from './kube-object.ts'
import { microTime } from './micro-time.ts'

export type LeaseSpec = {
  readonly holderIdentity?: string
  readonly leaseDurationSeconds?: number
  readonly acquireTime?: string
  readonly renewTime?: string
  readonly leaseTransitions?: number
}
export type Lease = KubeObject<LeaseSpec>

export const LEASE = defineKind<Lease>({
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  namespaced: true,
})

export type Claim = {
  readonly identity: string
  readonly leaseDurationMs: number
  /** Wall time. */
  readonly nowMs: number
}

/** The spec that takes or renews; taking from another counts as a transition. */
export const claimedSpec = (
  current: LeaseSpec,
  { identity, leaseDurationMs, nowMs }: Claim,
): LeaseSpec => {
  const now = microTime(nowMs)
  const renews = current.holderIdentity === identity && current.acquireTime !== undefined
  const transitions = current.leaseTransitions ?? 0
  return {
    holderIdentity: identity,
    leaseDurationSeconds: Math.ceil(leaseDurationMs / 1000),
    acquireTime: renews ? current.acquireTime : now,
    renewTime: now,
    leaseTransitions: renews ? transitions : transitions + 1,
  }
}

/** The spec that says that nobody leads; short, so that also who ignores the empty holder waits a second only. */
export const releasedSpec = (nowMs: number): LeaseSpec => ({
  holderIdentity: '',
  leaseDurationSeconds: 1,
  acquireTime: microTime(nowMs),
  renewTime: microTime(nowMs),
})

export const leaseManifest = (namespace: string, name: string, spec: LeaseSpec): Manifest => ({
  apiVersion: apiVersionOf(LEASE),
  kind: LEASE.kind,
  metadata: { namespace, name },
  spec,
})
