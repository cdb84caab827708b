/** Waits that end: each says what it waited for and what it saw. */
import { setTimeout as sleep } from 'node:timers/promises'

/** Far above what an idle machine needs: a busy one must not end the day. */
const WITHIN_MS = 300_000
const EVERY_MS = 300
const SEEN_MAX = 6000

export type WaitFor<T> = {
  /** such as `lamps waits for its dataset` */
  readonly what: string
  readonly look: () => Promise<T>
  readonly holds: (seen: T) => boolean
  /** Why waiting has no more sense. */
  readonly hopeless?: (seen: T) => string | undefined
  readonly withinMs?: number
  readonly signal: AbortSignal
}

/** The scenario is not as it should be; the message is for the reader of the timeline. */
export class NotAsScripted extends Error {
  override readonly name = 'NotAsScripted'
}

export const shown = (seen: unknown): string => JSON.stringify(seen, null, 1).slice(0, SEEN_MAX)

export const waitFor = async <T>(wait: WaitFor<T>): Promise<T> => {
  const { what, look, holds, hopeless, withinMs = WITHIN_MS, signal } = wait
  const deadline = Date.now() + withinMs
  for (;;) {
    signal.throwIfAborted()
    const seen = await look()
    if (holds(seen)) return seen
    const why = hopeless?.(seen)
    if (why !== undefined)
      throw new NotAsScripted(`awaited: ${what}; ${why}. Seen last:\n${shown(seen)}`)
    if (Date.now() > deadline)
      throw new NotAsScripted(
        `awaited: ${what}; not within ${withinMs / 1000} s. Seen last:\n${shown(seen)}`,
      )
    await sleep(EVERY_MS, undefined, { signal })
  }
}

/** An assertion of the script. */
export const expect = (holds: boolean, what: string, seen: unknown): void => {
  if (!holds) throw new NotAsScripted(`expected: ${what}. Seen:\n${shown(seen)}`)
}
