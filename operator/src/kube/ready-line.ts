/** Ready keys, oldest first, and idle workers; where there are some of the one there are none of the other. */
import type { Clock } from './clock.ts'

export type ReadyLineOptions = {
  readonly clock: Clock
  /** Keys in the line, after each change. */
  readonly onDepth: (keys: number) => void
  /** A worker gets the key. */
  readonly onTaken: (key: string, waitedSeconds: number) => void
}

export type ReadyLine = {
  has(key: string): boolean
  readonly size: number
  push(key: string): void
  /** The next key; `undefined` where the line is closed before there is one. */
  take(): Promise<string | undefined>
  /** Empties the line and sends the idle workers home. */
  close(): void
}

export const createReadyLine = ({ clock, onDepth, onTaken }: ReadyLineOptions): ReadyLine => {
  /** Key and the moment it became ready. */
  const ready = new Map<string, number>()
  const takers: ((key: string | undefined) => void)[] = []
  const hand = (key: string, readyAt: number) => {
    onTaken(key, (clock.monotonic() - readyAt) / 1000)
    return key
  }
  return {
    has: key => ready.has(key),
    get size() {
      return ready.size
    },
    push: key => {
      const now = clock.monotonic()
      const taker = takers.shift()
      if (taker) taker(hand(key, now))
      else ready.set(key, now)
      onDepth(ready.size)
    },
    take: () => {
      for (const [key, readyAt] of ready) {
        ready.delete(key)
        onDepth(ready.size)
        return Promise.resolve(hand(key, readyAt))
      }
      return new Promise(resolve => takers.push(resolve))
    },
    close: () => {
      ready.clear()
      onDepth(0)
      for (const taker of takers.splice(0)) taker(undefined)
    },
  }
}
