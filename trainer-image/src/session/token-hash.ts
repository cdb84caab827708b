/** What a random stream goes by that belongs to a text, wherever the text lies. */

/** FNV-1a over whole tokens. */
const fnv1a = (tokens: Int32Array, basis: number): number =>
  tokens.reduce((hash, token) => Math.imul(hash ^ token, 0x01000193), basis) >>> 0

/** @returns 64 bits */
export const tokenHash = (tokens: Int32Array): readonly [number, number] => [
  fnv1a(tokens, 0x811c9dc5),
  fnv1a(tokens, 0x9e3779b9),
]
