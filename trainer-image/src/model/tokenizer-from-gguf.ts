/** tokenizer.json and tokenizer_config.json made from a GGUF's vocabulary and merges (byte-level BPE only). */
import { modelMalformed, modelUnsupported } from '../stage-error.ts'
import type { GgufHeader, GgufValue } from '../weights/gguf-header.ts'
import type { JsonObject } from '../weights/read-json.ts'
import { show } from './read-config-fields.ts'
import { split } from './tokenizer-pre.ts'

/** Kinds of token (ggml's docs/gguf.md, tokenizer.ggml.token_type); the rest are ordinary. */
const CONTROL = 3
const USER_DEFINED = 4

const byteLevel = (useRegex: boolean) => ({
  type: 'ByteLevel',
  add_prefix_space: false,
  trim_offsets: true,
  use_regex: useRegex,
})
const sequence = (...pretokenizers: unknown[]) => ({ type: 'Sequence', pretokenizers })

/**
 * `tokenizer.ggml.pre` → pre-tokenizer and whether whole words of the vocabulary skip the merges.
 * SmolLM (tokenizer.json of HuggingFaceTB/SmolLM*; llama.cpp: `\p{N}` then GPT-2's rule): digits one by one.
 * Llama 3 and Qwen 2: the rules of their own tokenizer.json.
 */
export const PRE_TOKENIZERS: Readonly<Record<string, { pre: unknown; ignoreMerges?: boolean }>> = {
  smollm: { pre: sequence({ type: 'Digits', individual_digits: true }, byteLevel(true)) },
  'gpt-2': { pre: byteLevel(true) },
  'llama-bpe': {
    pre: sequence(
      split(
        "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
      ),
      byteLevel(false),
    ),
    ignoreMerges: true,
  },
}

export const tokenizerFromGguf = (
  header: GgufHeader,
): { readonly tokenizer: JsonObject; readonly config: JsonObject } => {
  const { metadata, fileName } = header
  const model = metadata.get('tokenizer.ggml.model')
  const kind = metadata.get('tokenizer.ggml.pre') ?? 'default'
  const rule = PRE_TOKENIZERS[String(kind)]
  if (model !== 'gpt2' || !rule)
    throw modelUnsupported(
      `${fileName}: tokenizer ${show(model)} with pre-tokenizer ${show(kind)}; supported is "gpt2" with ${Object.keys(PRE_TOKENIZERS).join(', ')}: use the model's folder with tokenizer.json instead`,
    )
  const tokens = strings(header, 'tokenizer.ggml.tokens')
  const merges = strings(header, 'tokenizer.ggml.merges')
  const vocab = vocabOf(header, tokens)
  checkMerges(header, merges, vocab)
  return {
    tokenizer: {
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: addedTokens(header, tokens),
      normalizer: null,
      pre_tokenizer: rule.pre,
      post_processor: null,
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
        vocab: Object.fromEntries(vocab),
        merges,
      },
    },
    config: configOf(metadata, tokens),
  }
}

const strings = ({ metadata, fileName }: GgufHeader, key: string): readonly string[] => {
  const value = metadata.get(key)
  if (!Array.isArray(value) || !value.every(item => typeof item === 'string'))
    throw modelMalformed(`${fileName}: ${key} is not a list of strings; fetch the file again`)
  return value
}

const vocabOf = ({ fileName }: GgufHeader, tokens: readonly string[]) => {
  const vocab = new Map(tokens.map((token, id) => [token, id]))
  if (vocab.size !== tokens.length)
    throw modelMalformed(
      `${fileName}: tokenizer.ggml.tokens has ${tokens.length - vocab.size} tokens twice`,
    )
  return vocab
}

const checkMerges = (
  { fileName }: GgufHeader,
  merges: readonly string[],
  vocab: ReadonlyMap<string, number>,
) => {
  for (const merge of merges) {
    const [left = '', right = '', ...more] = merge.split(' ')
    if (more.length > 0 || ![left, right, left + right].every(token => vocab.has(token)))
      throw modelMalformed(
        `${fileName}: tokenizer.ggml.merges has ${JSON.stringify(merge)}, which does not join two tokens to a third`,
      )
  }
}

const addedTokens = ({ metadata, fileName }: GgufHeader, tokens: readonly string[]) => {
  const types = metadata.get('tokenizer.ggml.token_type') ?? []
  if (!Array.isArray(types) || types.length !== tokens.length)
    throw modelMalformed(
      `${fileName}: tokenizer.ggml.token_type does not have ${tokens.length} entries`,
    )
  return tokens.flatMap((content, id) => {
    const isControl = types[id] === CONTROL
    if (!isControl && types[id] !== USER_DEFINED) return []
    const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false }
    return [{ id, content, ...flags, special: isControl }]
  })
}

const configOf = (
  metadata: ReadonlyMap<string, GgufValue>,
  tokens: readonly string[],
): JsonObject => {
  const token = (key: string) => tokens[Number(metadata.get(`tokenizer.ggml.${key}_token_id`))]
  const template = metadata.get('tokenizer.chat_template')
  const fields = {
    bos_token: token('bos'),
    eos_token: token('eos'),
    unk_token: token('unknown'),
    pad_token: token('padding'),
    chat_template: typeof template === 'string' ? template : undefined,
    clean_up_tokenization_spaces: false,
    tokenizer_class: 'PreTrainedTokenizerFast',
  }
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}
