/** Which side an example is on follows from its content alone, so adding examples never moves another one. */

/** 48 bits of the hash: as many as a double holds without rounding. */
const HEX_DIGITS = 12

/** @param hash sha256 in hex
 * @returns a number in [0, 1), evenly spread over contents */
export const hashFraction = (hash: string): number =>
  Number.parseInt(hash.slice(0, HEX_DIGITS), 16) / 16 ** HEX_DIGITS

export const isHeldOut = (hash: string, fraction: number): boolean => hashFraction(hash) < fraction
