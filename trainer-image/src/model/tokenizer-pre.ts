/** Rewrites pre-tokenizers that the JavaScript library reads differently from the Python original. */
import { isJsonObject } from '../weights/read-json.ts'

/** GPT-2's rule (openai/gpt-2, encoder.py). In a Split, the library gives \s the Unicode meaning that Rust gives it. */
const GPT2_PATTERN =
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"

export const split = (regex: string, behavior = 'Isolated') => ({
  type: 'Split',
  pattern: { Regex: regex },
  behavior,
  invert: false,
})

/** @param atStart false: "first" of Metaspace does not apply, the text has other text before it */
export const portablePreTokenizer = (value: unknown, atStart: boolean): unknown => {
  if (!isJsonObject(value)) return value ?? null
  switch (value['type']) {
    case 'Sequence': {
      const list = Array.isArray(value['pretokenizers']) ? value['pretokenizers'] : []
      return { ...value, pretokenizers: list.map(item => portablePreTokenizer(item, atStart)) }
    }
    case 'Digits':
      // Rust's char::is_numeric is all of \p{N}, the library's \d is ASCII only
      return split(value['individual_digits'] === true ? '\\p{N}' : '\\p{N}+')
    case 'ByteLevel':
      // the library's own \s has U+FEFF in addition and lacks U+0085
      return value['use_regex'] === false || value['add_prefix_space'] === true
        ? value
        : {
            type: 'Sequence',
            pretokenizers: [split(GPT2_PATTERN), { ...value, use_regex: false }],
          }
    case 'Metaspace':
      return !atStart && value['prepend_scheme'] === 'first'
        ? { ...value, prepend_scheme: 'never' }
        : value
    default:
      return value
  }
}
