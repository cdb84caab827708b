/** Claims a Lease and gives it away, each write against the resourceVersion last seen. */
import type { Clock } from './clock.ts'
import type { KubeClient } from './kube-client.ts'
import { isAlreadyExists, isConflict } from './kube-error.ts'
import {
  claimedSpec,
  LEASE,
  type Lease,
  type LeaseSpec,
  leaseManifest,
  releasedSpec,
} from './lease.ts'

export type LeaseWriterOptions = {
  readonly client: Pick<KubeClient, 'find' | 'create' | 'patch'>
  readonly namespace: string
  readonly name: string
  readonly identity: string
  readonly leaseDurationMs: number
  readonly clock: Clock
}

export type LeaseWriter = {
  /** Whether the lease is ours now; false where another has it or was first. */
  claim(signal: AbortSignal): Promise<boolean>
  /** False where it was not ours. */
  giveAway(signal: AbortSignal): Promise<boolean>
  /** As last seen. */
  holder(): string | undefined
}

/** Remembers the lease as last seen, and since when its record is the same. */
const createObservation = (clock: Clock) => {
  let lease: Lease | undefined
  let record = ''
  let changedAt = 0
  return {
    see: (seen: Lease) => {
      const now = JSON.stringify(seen.spec ?? {})
      if (lease === undefined || now !== record) changedAt = clock.monotonic()
      lease = seen
      record = now
    },
    /** Another holder may still be at work. */
    isHeldByOther: (identity: string, defaultDurationMs: number) => {
      const { holderIdentity, leaseDurationSeconds } = lease?.spec ?? {}
      if (!holderIdentity || holderIdentity === identity) return false
      const durationMs = leaseDurationSeconds ? leaseDurationSeconds * 1000 : defaultDurationMs
      return clock.monotonic() < changedAt + durationMs
    },
    holder: () => lease?.spec?.holderIdentity,
    lease: () => lease,
  }
}

export const createLeaseWriter = (options: LeaseWriterOptions): LeaseWriter => {
  const { client, namespace, name, identity, clock, leaseDurationMs } = options
  const observation = createObservation(clock)
  let mustRead = true

  const write = async (lease: Lease, spec: LeaseSpec, signal?: AbortSignal) => {
    const { resourceVersion } = lease.metadata
    const body = { metadata: { resourceVersion }, spec }
    const written = await client.patch(LEASE, { namespace, name }, body, { signal })
    observation.see(written)
    mustRead = false
  }
  const read = async (signal: AbortSignal) => {
    const lease = await client.find(LEASE, { namespace, name }, { signal })
    if (lease) observation.see(lease)
    return lease
  }
  const create = async (spec: LeaseSpec, signal: AbortSignal) => {
    const manifest = leaseManifest(namespace, name, { ...spec, leaseTransitions: 0 })
    observation.see(await client.create(LEASE, manifest, { signal }))
    mustRead = false
  }
  const claim = async (signal: AbortSignal) => {
    const lease = mustRead ? await read(signal) : observation.lease()
    if (lease && observation.isHeldByOther(identity, leaseDurationMs)) return false
    const claimed = claimedSpec(lease?.spec ?? {}, {
      identity,
      leaseDurationMs,
      nowMs: clock.now(),
    })
    mustRead = true
    try {
      if (lease) await write(lease, claimed, signal)
      else await create(claimed, signal)
      return true
    } catch (error) {
      if (isConflict(error) || isAlreadyExists(error)) return false
      throw error
    }
  }
  const giveAway = async (signal: AbortSignal) => {
    const lease = mustRead ? await read(signal) : observation.lease()
    if (lease?.spec?.holderIdentity !== identity) return false
    await write(lease, releasedSpec(clock.now()), signal)
    return true
  }
  return { claim, giveAway, holder: observation.holder }
}
