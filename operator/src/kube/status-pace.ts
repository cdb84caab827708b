/**
 * Holds back writes of status that tell of progress alone. What people and tools wait for, a phase, a
 * generation or a condition, is written at once.
 */
import { canonicalJson } from '@attune/crds/canonical-json.ts'
import type { ObjectKey } from './kube-object.ts'

type Told = {
  readonly phase?: string
  readonly observedGeneration?: number
  readonly conditions?: readonly {
    readonly type: string
    readonly status: string
    readonly reason: string
  }[]
}

/** Messages and times are left out: a count in a message is progress. */
const awaited = ({ phase, observedGeneration, conditions = [] }: Told = {}) =>
  canonicalJson({
    phase: phase ?? null,
    observedGeneration: observedGeneration ?? null,
    conditions: conditions.map(({ type, status, reason }) => [type, status, reason]),
  })

export const tellsProgressOnly = (before: Told | undefined, after: Told | undefined): boolean =>
  awaited(before) === awaited(after)

/** How much longer a write of that status is to be held back; 0 where it is not. */
export const heldMs = (before: Told | undefined, after: Told, holdMs: number): number =>
  tellsProgressOnly(before, after) ? holdMs : 0

export type StatusPace = {
  /** How much longer a write that tells of progress alone is held back. */
  holdMs(key: ObjectKey, now: number): number
  wrote(key: ObjectKey, now: number): void
  forget(key: ObjectKey): void
}

export const createStatusPace = (intervalMs: number): StatusPace => {
  const written = new Map<ObjectKey, number>()
  return {
    holdMs: (key, now) => {
      const since = now - (written.get(key) ?? Number.NEGATIVE_INFINITY)
      // a clock that was set back holds nothing back
      return since < 0 ? 0 : Math.max(0, intervalMs - since)
    },
    wrote: (key, now) => void written.set(key, now),
    forget: key => void written.delete(key),
  }
}
