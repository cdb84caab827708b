/** Byte-level BPE ("gpt2") of a GGUF: its merges, and the rule by which `tokenizer.ggml.pre` cuts texts before them. */
import { modelMalformed, modelUnsupported } from '../stage-error.ts'
import { show } from './read-config-fields.ts'
import { type GgufVocabulary, stringsOf, type TokenizerParts } from './tokenizer-from-gguf.ts'
import { split } from './tokenizer-pre.ts'

const byteLevel = (useRegex: boolean) => ({
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

/** The rules of the models' own tokenizer.json; which name stands for which is llama.cpp's (llama-vocab.cpp). */
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

export const byteLevelParts = (vocabulary: GgufVocabulary): TokenizerParts => {
  const { metadata, fileName, ids } = vocabulary
  const kind = metadata.get('tokenizer.ggml.pre') ?? 'default'
  const rule = Object.hasOwn(PRE_TOKENIZERS, String(kind))
    ? PRE_TOKENIZERS[String(kind)]
    : undefined
  if (!rule)
    throw modelUnsupported(
      `${fileName}: pre-tokenizer ${show(kind)}; supported are ${Object.keys(PRE_TOKENIZERS).join(', ')}: use the model's folder with tokenizer.json instead`,
    )
  const merges = stringsOf(vocabulary, 'tokenizer.ggml.merges')
  checkMerges(vocabulary, merges)
  return {
    normalizer: rule.normalizer ?? null,
    pre_tokenizer: rule.pre,
    decoder: { ...byteLevel(true), add_prefix_space: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: rule.ignoreMerges ?? false,
      vocab: Object.fromEntries(ids),
      merges,
    },
  }
}

const checkMerges = ({ fileName, ids }: GgufVocabulary, merges: readonly string[]) => {
  for (const merge of merges) {
    const [left = '', right = '', ...more] = merge.split(' ')
    if (more.length > 0 || ![left, right, left + right].every(token => ids.has(token)))
      throw modelMalformed(
        `${fileName}: tokenizer.ggml.merges has ${JSON.stringify(merge)}, which does not join two tokens to a third`,
      )
  }
}
