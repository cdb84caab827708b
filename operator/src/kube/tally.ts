/** How many there are, in all and under each name. */

export type Tally = {
  readonly total: number
  of(name: string): number
  add(name: string): void
  remove(name: string): void
}

export const createTally = (): Tally => {
  const counts = new Map<string, number>()
  let total = 0
  const count = (name: string) => counts.get(name) ?? 0
  return {
    get total() {
      return total
    },
    of: count,
    add: name => {
      counts.set(name, count(name) + 1)
      total += 1
    },
    remove: name => {
      if (count(name) > 1) counts.set(name, count(name) - 1)
      else counts.delete(name)
      total -= 1
    },
  }
}
