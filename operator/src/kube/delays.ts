/** Keys that become ready later, each with one timer. */
import type { Clock } from './clock.ts'

export type Delays = {
  has(key: string): boolean
  readonly size: number
  /** The earliest of several calls for a key counts. */
  set(key: string, delayMs: number): void
  clear(): void
}

export const createDelays = (clock: Clock, onDue: (key: string) => void): Delays => {
  const delays = new Map<string, { readonly dueMs: number; readonly cancel: () => void }>()
  return {
    has: key => delays.has(key),
    get size() {
      return delays.size
    },
    set: (key, delayMs) => {
      const dueMs = clock.monotonic() + delayMs
      const earlier = delays.get(key)
      if (earlier && earlier.dueMs <= dueMs) return
      earlier?.cancel()
      const cancel = clock.after(delayMs, () => {
        delays.delete(key)
        onDue(key)
      })
      delays.set(key, { dueMs, cancel })
    },
    clear: () => {
      for (const { cancel } of delays.values()) cancel()
      delays.clear()
    },
  }
}
