/** How the models' own tokenizer.json cut texts before the merges of byte-level BPE. */
import { split } from './tokenizer-pre.ts'

export const byteLevel = (useRegex: boolean) => ({
  type: 'ByteLevel',
  add_prefix_space: false,
  trim_offsets: true,
  use_regex: useRegex,
})
const sequence = (...pretokenizers: unknown[]) => ({ type: 'Sequence', pretokenizers })
const bySplit = (regex: string) => sequence(split(regex), byteLevel(false))

const END = '\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+'
const contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
const words = (digits: string) =>
  `${contractions}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|${END}`
/** words end where small letters are followed by capitals */
const cased = (ending: string, digits: string) => {
  const [upper, lower] = ['[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]', '[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]']
  const start = '[^\\r\\n\\p{L}\\p{N}]?'
  return `${start}${upper}*${lower}+${ending}|${start}${upper}+${lower}*${ending}|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|${END}`
}

type Rule = {
  readonly pre: unknown
  /** whole words of the vocabulary skip the merges */
  readonly ignoreMerges?: true
  readonly normalizer?: unknown
}

const LLAMA3 = bySplit(words('\\p{N}{1,3}'))

/** By the names that `tokenizer.ggml.pre` has for them; which stands for which is llama.cpp's (llama-vocab.cpp). */
export const PRE_TOKENIZERS: Readonly<Record<string, Rule>> = {
  'gpt-2': { pre: byteLevel(true) },
  smollm: { pre: sequence({ type: 'Digits', individual_digits: true }, byteLevel(true)) },
  'llama-bpe': { pre: LLAMA3, ignoreMerges: true },
  'smaug-bpe': { pre: LLAMA3 },
  dbrx: { pre: LLAMA3 },
  qwen2: { pre: bySplit(words('\\p{N}')), normalizer: { type: 'NFC' } },
  'gpt-4o': { pre: bySplit(cased(`${contractions}?`, '\\p{N}{1,3}')) },
  tekken: { pre: bySplit(cased('', '\\p{N}')), ignoreMerges: true },
}
