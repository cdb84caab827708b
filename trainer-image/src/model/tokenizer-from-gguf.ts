/** tokenizer.json and tokenizer_config.json made from a GGUF's vocabulary. */
import { modelMalformed, modelUnsupported } from '../stage-error.ts'
import type { GgufHeader, GgufValue } from '../weights/gguf-header.ts'
import type { JsonObject } from '../weights/read-json.ts'
import { show } from './read-config-fields.ts'
import { byteLevelParts } from './tokenizer-gguf-bytes.ts'
import { piecesParts } from './tokenizer-gguf-pieces.ts'

/** Kinds of token (ggml's docs/gguf.md, tokenizer.ggml.token_type). */
export const TOKEN_TYPE = { normal: 1, unknown: 2, control: 3, userDefined: 4 } as const

export type GgufVocabulary = {
  readonly fileName: string
  readonly metadata: ReadonlyMap<string, GgufValue>
  readonly tokens: readonly string[]
  readonly ids: ReadonlyMap<string, number>
  readonly types: readonly GgufValue[]
}

/** What of tokenizer.json depends on the kind of vocabulary. */
export type TokenizerParts = {
  readonly normalizer: unknown
  readonly pre_tokenizer: unknown
  readonly decoder: unknown
  readonly model: JsonObject
}

const KINDS: Readonly<Record<string, (vocabulary: GgufVocabulary) => TokenizerParts>> = {
  gpt2: byteLevelParts,
  llama: piecesParts,
}

export const tokenizerFromGguf = (
  header: GgufHeader,
): { readonly tokenizer: JsonObject; readonly config: JsonObject } => {
  const { metadata, fileName } = header
  const model = metadata.get('tokenizer.ggml.model')
  const parts = typeof model === 'string' && Object.hasOwn(KINDS, model) ? KINDS[model] : undefined
  if (!parts)
    throw modelUnsupported(
      `${fileName}: tokenizer ${show(model)}; supported are ${Object.keys(KINDS).join(' and ')}: use the model's folder with tokenizer.json instead`,
    )
  const vocabulary = vocabularyOf(header)
  return {
    tokenizer: {
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: addedTokens(vocabulary),
      post_processor: null,
      ...parts(vocabulary),
    },
    config: configOf(metadata, vocabulary.tokens),
  }
}

/** @returns a list of texts of the metadata */
export const stringsOf = (
  { metadata, fileName }: Pick<GgufVocabulary, 'metadata' | 'fileName'>,
  key: string,
): readonly string[] => {
  const value = metadata.get(key)
  if (!Array.isArray(value) || !value.every(item => typeof item === 'string'))
    throw modelMalformed(`${fileName}: ${key} is not a list of strings; fetch the file again`)
  return value
}

const vocabularyOf = (header: GgufHeader): GgufVocabulary => {
  const { fileName, metadata } = header
  const tokens = stringsOf(header, 'tokenizer.ggml.tokens')
  const ids = new Map(tokens.map((token, id) => [token, id]))
  if (ids.size !== tokens.length)
    throw modelMalformed(
      `${fileName}: tokenizer.ggml.tokens has ${tokens.length - ids.size} tokens twice`,
    )
  const types = metadata.get('tokenizer.ggml.token_type') ?? []
  if (!Array.isArray(types) || types.length !== tokens.length)
    throw modelMalformed(
      `${fileName}: tokenizer.ggml.token_type does not have ${tokens.length} entries`,
    )
  return { fileName, metadata, tokens, ids, types }
}

const addedTokens = ({ tokens, types }: GgufVocabulary) =>
  tokens.flatMap((content, id) => {
    const special = types[id] === TOKEN_TYPE.control || types[id] === TOKEN_TYPE.unknown
    if (!special && types[id] !== TOKEN_TYPE.userDefined) return []
    const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false }
    return [{ id, content, ...flags, special }]
  })

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
