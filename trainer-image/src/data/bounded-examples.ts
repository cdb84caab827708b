/** Validation examples for generation, in the order of their hashes, within a bound on count and bytes. */
import type { GenerationExample } from './prepared.ts'
import { MAX_EXAMPLES } from './prepared-format.ts'

const MAX_BYTES = 256 * 2 ** 20

const bytesOf = ({ prompt, reference, promptTokens }: GenerationExample): number =>
  2 * (prompt.length + reference.length) + promptTokens.byteLength

/** @returns as many of the smallest ids as the bounds allow; more input never brings a dropped one back */
const smallest = (
  examples: readonly GenerationExample[],
  maxExamples: number,
  maxBytes: number,
): GenerationExample[] => {
  const ordered = examples.toSorted((a, b) => (a.id < b.id ? -1 : 1))
  let bytes = 0
  const kept: GenerationExample[] = []
  for (const example of ordered) {
    bytes += bytesOf(example)
    if (kept.length === maxExamples || (bytes > maxBytes && kept.length > 0)) break
    kept.push(example)
  }
  return kept
}

/** Ordered by hash, not by file: the first 50 of a sorted file would all be of one kind. */
export const createBoundedExamples = (maxExamples = MAX_EXAMPLES, maxBytes = MAX_BYTES) => {
  let held: GenerationExample[] = []
  let bytes = 0
  const compact = () => {
    held = smallest(held, maxExamples, maxBytes)
    bytes = held.reduce((sum, example) => sum + bytesOf(example), 0)
  }
  return {
    add(example: GenerationExample) {
      held.push(example)
      bytes += bytesOf(example)
      if (held.length >= 2 * maxExamples || bytes >= 2 * maxBytes) compact()
    },
    take(): readonly GenerationExample[] {
      compact()
      return held
    },
  }
}
