/**
 * Philox 4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"): number i of a stream is a
 * function of the key and i alone, so no order of drawing can change a value.
 */

export type PhiloxKey = readonly [number, number]
type Block = readonly [number, number, number, number]

const ROUNDS = 10
const MULTIPLIERS = [0xd2511f53, 0xcd9e8d57] as const
const WEYL = [0x9e3779b9, 0xbb67ae85] as const

/** @returns high 32 bits of the product of two unsigned 32-bit integers */
const multiplyHigh = (a: number, b: number): number => {
  const [ah, al, bh, bl] = [a >>> 16, a & 0xffff, b >>> 16, b & 0xffff]
  const middle = ah * bl + ((al * bl) >>> 16)
  const low = (middle & 0xffff) + al * bh
  return (ah * bh + Math.floor(middle / 65536) + Math.floor(low / 65536)) >>> 0
}

/** @returns four unsigned 32-bit integers */
export const philox = (counter: Block, key: PhiloxKey): Block => {
  let [c0, c1, c2, c3] = counter
  let [k0, k1] = key
  for (let round = 0; round < ROUNDS; round++) {
    const [h0, h1] = [multiplyHigh(MULTIPLIERS[0], c0), multiplyHigh(MULTIPLIERS[1], c2)]
    const [l0, l1] = [Math.imul(MULTIPLIERS[0], c0) >>> 0, Math.imul(MULTIPLIERS[1], c2) >>> 0]
    c0 = (h1 ^ c1 ^ k0) >>> 0
    c1 = l1
    c2 = (h0 ^ c3 ^ k1) >>> 0
    c3 = l0
    k0 = (k0 + WEYL[0]) >>> 0
    k1 = (k1 + WEYL[1]) >>> 0
  }
  return [c0, c1, c2, c3]
}

/** Fills `out` with numbers in [-bound, bound): number i from block ⌊i/4⌋, 24 bits of it. */
export const fillUniform = (out: Float32Array, bound: number, key: PhiloxKey): void => {
  for (let start = 0; start < out.length; start += 4) {
    const block = start / 4
    const words = philox([block >>> 0, Math.floor(block / 2 ** 32), 0, 0], key)
    for (let i = 0; i < 4 && start + i < out.length; i++)
      out[start + i] = ((words[i]! >>> 8) * 2 ** -23 - 1) * bound
  }
}
