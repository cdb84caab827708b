/**
 * SentencePiece's table of replacements ("precompiled_charsmap"): the size of a trie, the trie, the texts.
 * The trie is a double array (Darts-clone): a unit of 32 bits has the label of the byte that leads to it, the
 * offset of its children and whether a key ends there. It is applied as the tokenizers library does
 * (spm_precompiled): whole graphemes of less than 6 bytes first, then character by character, the shortest key
 * that the text begins with standing for all of it.
 */
import { modelMalformed } from '../stage-error.ts'

/** @returns the text with its characters replaced */
export type Charsmap = (text: string) => string

const MAX_BYTES = 16 * 1024 * 1024
const MAX_GRAPHEME_BYTES = 6
const MAX_CACHED = 65_536

export const readCharsmap = (base64: unknown): Charsmap => {
  if (base64 === null || base64 === undefined || base64 === '') return text => text
  const bytes = Buffer.from(String(base64), 'base64')
  const trieBytes = bytes.length >= 4 ? bytes.readUInt32LE(0) : Number.NaN
  if (!(trieBytes % 4 === 0 && trieBytes + 4 <= bytes.length && bytes.length <= MAX_BYTES))
    throw modelMalformed(
      `tokenizer.json: precompiled_charsmap has ${bytes.length} bytes, which do not hold a trie of ${trieBytes}; fetch it again`,
    )
  const units = Uint32Array.from({ length: trieBytes / 4 }, (_, i) => bytes.readUInt32LE(4 + 4 * i))
  return charsmap(units, bytes.subarray(4 + trieBytes))
}

const charsmap = (units: Uint32Array, texts: Buffer): Charsmap => {
  const graphemes = new Intl.Segmenter('und', { granularity: 'grapheme' })
  const known = new Map<string, string>()
  const lookUp = (key: Buffer): string | undefined => {
    const at = shortestPrefix(units, key)
    if (at === undefined || at >= texts.length) return undefined
    const end = texts.indexOf(0, at)
    return texts.toString('utf8', at, end < 0 ? texts.length : end)
  }
  const replace = (grapheme: string): string => {
    const bytes = Buffer.from(grapheme)
    const whole = bytes.length < MAX_GRAPHEME_BYTES ? lookUp(bytes) : undefined
    return whole ?? Array.from(grapheme, c => lookUp(Buffer.from(c)) ?? c).join('')
  }
  return text => {
    let result = ''
    for (const { segment } of graphemes.segment(text)) {
      let normalized = known.get(segment)
      if (normalized === undefined) {
        normalized = replace(segment)
        if (known.size < MAX_CACHED) known.set(segment, normalized)
      }
      result += normalized
    }
    return result
  }
}

/** @returns the value of the shortest key that `bytes` begin with */
const shortestPrefix = (units: Uint32Array, bytes: Uint8Array): number | undefined => {
  let at = offsetOf(units[0] ?? 0)
  for (const byte of bytes) {
    if (byte === 0) return undefined
    at ^= byte
    const unit = units[at]
    if (unit === undefined || (unit & 0x800000ff) !== byte) return undefined
    at ^= offsetOf(unit)
    // bit 8: a key ends here, its value lies at the children's offset
    if (unit & 0x100) return (units[at] ?? 0) & 0x7fffffff
  }
  return undefined
}

/** bit 9 says that the offset is one of 256ths */
const offsetOf = (unit: number): number => ((unit >>> 10) << ((unit & 0x200) >>> 6)) >>> 0
