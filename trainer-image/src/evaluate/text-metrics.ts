/** How close an answer is to its reference, as numbers from 0 to 1. */
import type { ResolvedSuite } from '@attune/crds/resolved-spec.ts'

export type MetricName = ResolvedSuite['metrics'][number]

/** @returns 1 where both are equal after trimming, else 0 */
export const exactMatch = (answer: string, reference: string): number =>
  answer.trim() === reference.trim() ? 1 : 0

const PUNCTUATION = /[!-/:-@[-`{-~]/g
// \b is ASCII-only in JavaScript; Python's counts every letter as part of a word
const ARTICLES = /(?<![\p{L}\p{N}_])(?:a|an|the)(?![\p{L}\p{N}_])/gu

/** Lower case, without ASCII punctuation and English articles, split at white space. */
export const answerTokens = (text: string): readonly string[] =>
  text
    .toLowerCase()
    .replace(PUNCTUATION, '')
    .replace(ARTICLES, ' ')
    .split(/\s+/)
    .filter(token => token !== '')

const counts = (tokens: readonly string[]): Map<string, number> => {
  const byToken = new Map<string, number>()
  for (const token of tokens) byToken.set(token, (byToken.get(token) ?? 0) + 1)
  return byToken
}

/**
 * F1 of the bags of tokens, as SQuAD's evaluate-v2.0.py computes it: 2PR / (P + R) over the tokens
 * both have in common; where one side has no token, 1 if neither has, else 0.
 * Rajpurkar et al., arXiv:1606.05250, section 6.1.
 */
export const tokenF1 = (answer: string, reference: string): number => {
  const given = answerTokens(answer)
  const wanted = answerTokens(reference)
  if (given.length === 0 || wanted.length === 0) return given.length === wanted.length ? 1 : 0
  const available = counts(wanted)
  let common = 0
  for (const [token, count] of counts(given)) common += Math.min(count, available.get(token) ?? 0)
  return common === 0 ? 0 : (2 * common) / (given.length + wanted.length)
}

export const METRICS: Readonly<Record<MetricName, (answer: string, reference: string) => number>> =
  Object.freeze({ exactMatch, tokenF1 })
