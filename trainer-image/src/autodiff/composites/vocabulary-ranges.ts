/** The vocabulary in ranges, whose logits exist one after the other. */

/** Logits of a block: at most this many elements (4 MiB), which stay in the last-level cache. */
const BLOCK_ELEMENTS = 2 ** 20
/** Narrower products would take longer than the memory is worth. */
const MIN_BLOCK_TOKENS = 512

export type TokenRange = { readonly start: number; readonly end: number }

/** @returns the vocabulary in ranges whose logits for so many targets are of bounded size */
export const vocabularyRanges = (vocabulary: number, maxTargets: number): readonly TokenRange[] => {
  const bounded = 2 ** Math.floor(Math.log2(BLOCK_ELEMENTS / maxTargets))
  const size = Math.max(MIN_BLOCK_TOKENS, bounded)
  return Array.from({ length: Math.ceil(vocabulary / size) }, (_, i) => ({
    start: i * size,
    end: Math.min(vocabulary, (i + 1) * size),
  }))
}
