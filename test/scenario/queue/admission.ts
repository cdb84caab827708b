/** Who gets the devices of a queue: by priority, then by age; one of a higher priority takes them from lower ones. */
export type Claim = {
  readonly id: string
  readonly priority: number
  readonly devices: number
  /** milliseconds */
  readonly since: number
  /** `Leaving`: preempted, and its pod is still there. */
  readonly state: 'Waiting' | 'Admitted' | 'Leaving'
}
export type Verdict = { readonly admit: readonly string[]; readonly preempt: readonly string[] }

const sum = (claims: readonly Claim[]) => claims.reduce((all, { devices }) => all + devices, 0)

/** The least important and youngest first, as many as it takes; undefined where all of them are too few. */
const victimsFor = (
  claim: Claim,
  missing: number,
  claims: readonly Claim[],
): readonly Claim[] | undefined => {
  const lower = claims
    .filter(
      ({ state, priority, devices }) =>
        state === 'Admitted' && devices > 0 && priority < claim.priority,
    )
    .toSorted((a, b) => a.priority - b.priority || b.since - a.since)
  for (let count = 0; count <= lower.length; count += 1) {
    const chosen = lower.slice(0, count)
    if (sum(chosen) >= missing) return chosen
  }
  return undefined
}

/** Those that need no device never wait. One that waits for others to leave keeps what they free for itself. */
export const admission = (claims: readonly Claim[], quota: number): Verdict => {
  const waiting = claims
    .filter(({ state }) => state === 'Waiting')
    .toSorted((a, b) => b.priority - a.priority || a.since - b.since)
  const admit = waiting.filter(({ devices }) => devices === 0).map(({ id }) => id)
  let free = quota - sum(claims.filter(({ state }) => state !== 'Waiting'))
  const coming = sum(claims.filter(({ state }) => state === 'Leaving'))
  for (const claim of waiting.filter(({ devices }) => devices > 0)) {
    if (claim.devices <= free) {
      free -= claim.devices
      admit.push(claim.id)
      continue
    }
    const victims = victimsFor(claim, claim.devices - free - coming, claims)
    if (victims) return { admit, preempt: victims.map(({ id }) => id) }
  }
  return { admit, preempt: [] }
}
