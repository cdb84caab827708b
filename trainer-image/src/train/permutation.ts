/** Order of the rows in an epoch: Fisher-Yates over a generator seeded by (seed, epoch). */

/** A Weyl sequence through MurmurHash3's 32-bit finalizer: SplitMix (Steele, Lea and Flood, 2014) in 32 bits. */
const splitmix32 = (seed: number) => {
  let state = seed >>> 0
  return (): number => {
    state = (state + 0x9e3779b9) >>> 0
    let z = state
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
    return (z ^ (z >>> 16)) >>> 0
  }
}

/** Largest multiple of `bound` that fits 32 bits; draws above it are thrown away so that every index is equally likely. */
const below = (next: () => number, bound: number): number => {
  const limit = 2 ** 32 - (2 ** 32 % bound)
  for (;;) {
    const value = next()
    if (value < limit) return value % bound
  }
}

let cached: { readonly key: string; readonly order: readonly number[] } | undefined

/** @returns 0 … count − 1, shuffled; the same for the same arguments */
export const permutation = (count: number, seed: number, epoch: number): readonly number[] => {
  const key = `${count}/${seed}/${epoch}`
  if (cached?.key === key) return cached.order
  const next = splitmix32(
    Math.imul(seed ^ 0x5bd1e995, 0x27d4eb2f) + Math.imul(epoch + 1, 0x165667b1),
  )
  const order = Array.from({ length: count }, (_, index) => index)
  for (let last = count - 1; last > 0; last--) {
    const other = below(next, last + 1)
    const moved = order[last] ?? 0
    order[last] = order[other] ?? 0
    order[other] = moved
  }
  cached = { key, order }
  return order
}
