/** Keys with a value each, in lanes: first in, first out within a lane, and lanes take turns. */

export type Lanes<T> = {
  has(key: string): boolean
  get(key: string): T | undefined
  /** Keys in the lane of that key. */
  laneSize(key: string): number
  readonly size: number
  push(key: string, value: T): void
  /** The oldest key of the lane whose turn it is; that lane goes to the end. */
  shift(): readonly [key: string, value: T] | undefined
  clear(): void
}

export const createLanes = <T>(laneOf: (key: string) => string): Lanes<T> => {
  /** None of them is empty; the first has its turn. */
  const lanes = new Map<string, Map<string, T>>()
  let size = 0
  return {
    has: key => lanes.get(laneOf(key))?.has(key) === true,
    get: key => lanes.get(laneOf(key))?.get(key),
    laneSize: key => lanes.get(laneOf(key))?.size ?? 0,
    get size() {
      return size
    },
    push: (key, value) => {
      const name = laneOf(key)
      const lane = lanes.get(name) ?? new Map<string, T>()
      if (!lane.has(key)) size += 1
      lane.set(key, value)
      lanes.set(name, lane)
    },
    shift: () => {
      for (const [name, lane] of lanes) {
        lanes.delete(name)
        for (const [key, value] of lane) {
          lane.delete(key)
          size -= 1
          if (lane.size > 0) lanes.set(name, lane)
          return [key, value]
        }
      }
      return undefined
    },
    clear: () => {
      lanes.clear()
      size = 0
    },
  }
}
