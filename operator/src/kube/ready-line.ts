/** Ready keys and idle workers; where there are some of the one there are none of the other. */
import type { Clock } from './clock.ts'
import { createLanes } from './lanes.ts'

export type ReadyLineOptions = {
  readonly clock: Clock
  /** Keys of one lane come out in their order; lanes take turns. */
  readonly laneOf: (key: string) => string
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

export const createReadyLine = ({
  clock,
  laneOf,
  onDepth,
  onTaken,
}: ReadyLineOptions): ReadyLine => {
  /** Key and the moment it became ready. */
  const ready = createLanes<number>(laneOf)
  const takers: ((key: string | undefined) => void)[] = []
  const hand = (key: string, readyAt: number) => {
    onTaken(key, (clock.monotonic() - readyAt) / 1000)
    return key
  }
  return {
    has: ready.has,
    get size() {
      return ready.size
    },
    push: key => {
      const now = clock.monotonic()
      const taker = takers.shift()
      if (taker) taker(hand(key, now))
      else ready.push(key, now)
      onDepth(ready.size)
    },
    take: () => {
      const next = ready.shift()
      if (!next) return new Promise(resolve => takers.push(resolve))
      onDepth(ready.size)
      return Promise.resolve(hand(...next))
    },
    close: () => {
      ready.clear()
      onDepth(0)
      for (const taker of takers.splice(0)) taker(undefined)
    },
  }
}
