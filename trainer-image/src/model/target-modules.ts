/**
 * Which modules a list of targets means. As in PEFT a target is a module's path or the end of one, part by part
 * (`q_proj`, `layers.0.self_attn.q_proj`). Beyond that a part may be `*` (anything), or hold a choice of words or
 * number ranges (`layers.{0-3,8}.mlp.{up,down}_proj`). Nothing of a user's is run as a regular expression.
 */

export const ALL_LINEAR = 'all-linear'

const isInRange = (word: string, choice: string): boolean => {
  const [first, last, ...more] = choice.split('-')
  const isRange = more.length === 0 && /^\d{1,5}$/.test(first!) && /^\d{1,5}$/.test(last ?? '')
  if (!isRange || !/^\d{1,5}$/.test(word)) return false
  return Number(first) <= Number(word) && Number(word) <= Number(last)
}

/** @param pattern one part of a path, with at most one choice in braces */
const matchesPart = (part: string, pattern: string): boolean => {
  if (pattern === '*') return true
  const open = pattern.indexOf('{')
  const close = pattern.indexOf('}')
  if (open < 0 || close < open) return part === pattern
  const [before, after] = [pattern.slice(0, open), pattern.slice(close + 1)]
  if (!part.startsWith(before) || !part.endsWith(after)) return false
  if (part.length < before.length + after.length) return false
  const word = part.slice(before.length, part.length - after.length)
  const choices = pattern.slice(open + 1, close).split(',')
  return choices.some(choice => choice === word || isInRange(word, choice))
}

/** @param path `model.layers.0.self_attn.q_proj` */
export const matchesTarget = (path: string, target: string): boolean => {
  const parts = path.split('.')
  const patterns = target.split('.')
  const skipped = parts.length - patterns.length
  return skipped >= 0 && patterns.every((pattern, i) => matchesPart(parts[skipped + i]!, pattern))
}

/** A name that PEFT takes as it is, for all layers alike. */
export const isPlainName = (target: string): boolean => !/[.*{}]/.test(target)
