/** Rendered text with content spans → tokens and the mask of what the assistant said. */
import type { Part, Tokenizer } from './tokenizer.ts'

type Range = { readonly start: number; readonly end: number }

export type TokensWithMask = {
  readonly tokens: number[]
  /** 1 where the token is the assistant's, its end-of-turn token included */
  readonly assistant: Uint8Array
}

/**
 * Control tokens are recognized outside of `contents` only; the text between two of them is encoded as a whole,
 * so that tokens are those of plain rendering wherever contents hold no control tokens.
 */
export const tokenize = (
  tokenizer: Tokenizer,
  text: string,
  contents: readonly Range[],
  spoken: readonly Range[],
): TokensWithMask => {
  const tokens: number[] = []
  const mask: number[] = []
  for (const part of partsOf(tokenizer, text, contents)) {
    if ('token' in part) {
      tokens.push(part.token.id)
      mask.push(covers(spoken, part.start, part.start + part.token.content.length))
      continue
    }
    const ids = tokenizer.encodeText(part.text, part.start === 0)
    for (const id of ids) tokens.push(id)
    for (const bit of maskOf(tokenizer, part.text, part.start, ids, spoken)) mask.push(bit)
  }
  return { tokens, assistant: Uint8Array.from(mask) }
}

const covers = (ranges: readonly Range[], start: number, end: number): 0 | 1 =>
  ranges.some(range => range.start < end && start < range.end) ? 1 : 0

/** Parts of the whole text; those that are text may run over several contents. */
const partsOf = (
  tokenizer: Tokenizer,
  text: string,
  contents: readonly Range[],
): readonly Part[] => {
  let hidden = ''
  let end = 0
  for (const content of contents) {
    // white space stays: some control tokens take what is next to them
    hidden += text.slice(end, content.start)
    hidden += text.slice(content.start, content.end).replace(/\S/g, '\0')
    end = content.end
  }
  return tokenizer
    .splitControl(hidden + text.slice(end))
    .map(part =>
      'token' in part
        ? part
        : { start: part.start, text: text.slice(part.start, part.start + part.text.length) },
    )
}

/** A token that begins before a spoken range and ends within it counts as spoken, as in transformers. */
const maskOf = (
  tokenizer: Tokenizer,
  text: string,
  offset: number,
  ids: readonly number[],
  spoken: readonly Range[],
): readonly number[] => {
  const overlapping = spoken
    .map(({ start, end }) => ({
      start: Math.max(0, start - offset),
      end: Math.min(text.length, end - offset),
    }))
    .filter(({ start, end }) => start < end)
  if (overlapping.length === 0) return ids.map(() => 0)
  if (overlapping.some(({ start, end }) => start === 0 && end === text.length))
    return ids.map(() => 1)
  const ends = tokenEnds(tokenizer, text, ids)
  if (!ends) return measuredMask(tokenizer, text, offset, ids, overlapping)
  const ranges = overlapping.map(({ start, end }) => ({
    start: Buffer.byteLength(text.slice(0, start)),
    end: Buffer.byteLength(text.slice(0, end)),
  }))
  return ids.map((_, i) => covers(ranges, i === 0 ? 0 : ends[i - 1]!, ends[i]!))
}

/** Byte of `text` at which each token ends; undefined where the tokenizer changed the text on the way. */
const tokenEnds = (
  tokenizer: Tokenizer,
  text: string,
  ids: readonly number[],
): readonly number[] | undefined => {
  const ends: number[] = []
  let end = 0
  for (const id of ids) {
    end += tokenizer.byteLength(id)
    ends.push(end)
  }
  const surplus = end - Buffer.byteLength(text)
  if (surplus === 0) return ends
  // SentencePiece puts a space before the text, which the first token then has
  return surplus === 1 ? ends.map(at => at - 1) : undefined
}

/** For text that the tokenizer normalizes: a range's tokens are those that the text up to it does not have. */
const measuredMask = (
  tokenizer: Tokenizer,
  text: string,
  offset: number,
  ids: readonly number[],
  ranges: readonly Range[],
): readonly number[] => {
  const mask = Array<number>(ids.length).fill(0)
  const shared = (end: number) => {
    const before = tokenizer.encodeText(text.slice(0, end), offset === 0)
    const differs = before.findIndex((id, i) => id !== ids[i])
    return differs < 0 ? { count: before.length, whole: true } : { count: differs, whole: false }
  }
  for (const { start, end } of ranges) {
    const { count, whole } = shared(end)
    mask.fill(1, shared(start).count, whole ? count : count + 1)
  }
  return mask
}
