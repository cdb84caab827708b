/** Rewrites pre-tokenizers that the JavaScript library reads differently from the Python original, and refuses the rest. */
import { modelUnsupported } from '../stage-error.ts'
import { isJsonObject, type JsonObject } from '../weights/read-json.ts'

/** GPT-2's rule (openai/gpt-2, encoder.py). In a Split, the library gives \s the Unicode meaning that Rust gives it. */
const GPT2_PATTERN =
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"

/** ASCII's punctuation counts whatever its category (Rust: char::is_ascii_punctuation) */
const PUNCTUATION = '[\\p{P}!-/:-@\\[-`{-~]'

export const split = (regex: string, behavior = 'Isolated') => ({
  type: 'Split',
  pattern: { Regex: regex },
  behavior,
  invert: false,
})

const sequence = (...pretokenizers: readonly unknown[]) => ({ type: 'Sequence', pretokenizers })

/** @param atStart false: "first" of Metaspace does not apply, the text has other text before it */
export const portablePreTokenizer = (value: unknown, atStart: boolean): unknown => {
  if (!isJsonObject(value)) return null
  switch (value['type']) {
    case 'Sequence': {
      const list = Array.isArray(value['pretokenizers']) ? value['pretokenizers'] : []
      return { ...value, pretokenizers: list.map(item => portablePreTokenizer(item, atStart)) }
    }
    case 'Digits':
      // Rust's char::is_numeric is all of \p{N}, the library's \d is ASCII only
      return split(value['individual_digits'] === true ? '\\p{N}' : '\\p{N}+')
    case 'Whitespace':
      // the library's \w is ASCII only
      return { ...split('\\w+|[^\\w\\s]+', 'Removed'), invert: true }
    case 'WhitespaceSplit':
      return split('\\s', 'Removed')
    case 'Punctuation':
      // the library knows one behavior only, and not the default one
      return portableSplit({
        ...split(PUNCTUATION),
        behavior: value['behavior'] ?? 'Isolated',
      })
    case 'Split':
      return portableSplit(value)
    case 'ByteLevel':
      return byteLevel(value)
    case 'Metaspace':
      return metaspace(value, atStart)
    default:
      throw modelUnsupported(
        `tokenizer.json: the pre-tokenizer ${JSON.stringify(value['type'])} is not supported; choose a model without it`,
      )
  }
}

/** The library's own rule has U+FEFF in \s and lacks U+0085; Metaspace with a space adds the one before the text. */
const byteLevel = (value: JsonObject) =>
  sequence(
    ...(value['add_prefix_space'] === true
      ? [{ type: 'Metaspace', replacement: ' ', prepend_scheme: 'always' }]
      : []),
    ...(value['use_regex'] === false ? [] : [split(GPT2_PATTERN)]),
    { ...value, add_prefix_space: false, use_regex: false },
  )

/** The library does not split at the spaces, which "split" (the default) asks for. */
const metaspace = (value: JsonObject, atStart: boolean) => {
  const scheme =
    value['prepend_scheme'] ?? (value['add_prefix_space'] === false ? 'never' : 'always')
  const replacement = typeof value['replacement'] === 'string' ? value['replacement'] : '▁'
  const joined = {
    type: 'Metaspace',
    replacement,
    prepend_scheme: !atStart && scheme === 'first' ? 'never' : scheme,
  }
  return value['split'] === false
    ? joined
    : sequence(joined, split(mergedWithNext(literal(replacement))))
}

const literal = (text: string) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
const until = (pattern: string) => `(?:(?!${pattern})[\\s\\S])`
const mergedWithNext = (pattern: string) => `(?:${pattern})${until(pattern)}*|${until(pattern)}+`

/** The library isolates matches whatever the behavior, unless they are removed. */
const portableSplit = (value: JsonObject) => {
  const pattern = patternOf(value)
  const behavior = String(value['behavior'])
  const inverted = value['invert'] === true
  const whole = `(?:${pattern})`
  // isolated parts are the same whether matches or what is between them is meant
  if (behavior === 'Isolated') return split(pattern)
  if (behavior === 'Removed' && inverted) return { ...split(pattern, 'Removed'), invert: true }
  if (behavior === 'Removed' && !/(^|[^\\])\((?!\?)/.test(pattern)) return split(pattern, 'Removed')
  if (behavior === 'Contiguous' && !inverted) return split(`${whole}+`)
  if (behavior === 'MergedWithPrevious' && !inverted)
    return split(`${until(whole)}*${whole}|${until(whole)}+`)
  if (behavior === 'MergedWithNext' && !inverted) return split(mergedWithNext(whole))
  throw modelUnsupported(
    `tokenizer.json: a pre-tokenizer splits with behavior ${JSON.stringify(value['behavior'])}${inverted ? ' inverted' : ''}, which is not supported; choose a model without it`,
  )
}

const patternOf = ({ pattern }: JsonObject): string => {
  if (isJsonObject(pattern)) {
    if (typeof pattern['Regex'] === 'string') return pattern['Regex']
    if (typeof pattern['String'] === 'string') return literal(pattern['String'])
  }
  throw modelUnsupported('tokenizer.json: a Split has neither pattern.Regex nor pattern.String')
}
