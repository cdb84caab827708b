/** `tokenizer.ggml.*`: the base GGUF's own, or made from tokenizer.json as llama.cpp's converter does (byte-level BPE only). */
import { canonicalJson } from '@attune/crds/canonical-json.ts'
import type { TokenizerFiles } from '../../model/tokenizer-files.ts'
import { PRE_TOKENIZERS } from '../../model/tokenizer-rules.ts'
import { modelUnsupported } from '../../stage-error.ts'
import type { GgufHeader, GgufValue } from '../../weights/gguf-header.ts'
import { isJsonObject, type JsonObject } from '../../weights/read-json.ts'
import type { PublishedModel } from '../published-model.ts'
import type { GgufEntry, GgufMetadata } from './gguf-file.ts'

/** gguf.md, tokenizer.ggml.token_type */
const KIND = { normal: 1, control: 3, userDefined: 4, unused: 5 } as const

/** Pre-tokenizers are the same where they cut the same: offsets are no part of that. */
const withoutOffsets = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(withoutOffsets)
  if (!isJsonObject(value)) return value
  const { trim_offsets: _, ...rest } = value
  return Object.fromEntries(Object.entries(rest).map(([key, of]) => [key, withoutOffsets(of)]))
}

/** @returns llama.cpp's name of the pre-tokenizer; undefined where there is none */
export const preTokenizerName = (tokenizer: JsonObject): string | undefined => {
  const { model, normalizer, pre_tokenizer: pre } = tokenizer
  if (!isJsonObject(model) || model['type'] !== 'BPE' || model['byte_fallback'] === true) return
  const wanted = canonicalJson(withoutOffsets([normalizer ?? null, pre ?? null]))
  const ignoreMerges = model['ignore_merges'] === true
  const found = Object.entries(PRE_TOKENIZERS).find(
    ([, rule]) =>
      (rule.ignoreMerges ?? false) === ignoreMerges &&
      canonicalJson(withoutOffsets([rule.normalizer ?? null, rule.pre])) === wanted,
  )
  return found?.[0]
}

const entriesOf = (value: unknown): readonly (readonly [string, unknown])[] =>
  isJsonObject(value) ? Object.entries(value) : []

/** Text and kind of every id; ids that the tokenizer has not are filled up, as the model's embedding has them. */
const tokensOf = ({ tokenizer }: TokenizerFiles, vocabSize: number) => {
  const { model, added_tokens: added } = tokenizer
  const tokens = Array.from({ length: vocabSize }, (_, id) => `[PAD${id}]`)
  const types: number[] = Array(vocabSize).fill(KIND.unused)
  const put = (id: unknown, text: string, kind: number) => {
    if (typeof id !== 'number' || !(id >= 0 && id < vocabSize)) return
    tokens[id] = text
    types[id] = kind
  }
  for (const [text, id] of entriesOf(isJsonObject(model) ? model['vocab'] : undefined))
    put(id, text, KIND.normal)
  for (const token of Array.isArray(added) ? added : []) {
    const kind = token['special'] === true ? KIND.control : KIND.userDefined
    put(token['id'], String(token['content']), kind)
  }
  return { tokens, types }
}

/** A merge is written "left right"; a space within one of the two has the byte-level character of a space. */
const mergesOf = ({ tokenizer: { model } }: TokenizerFiles): readonly string[] => {
  const merges = isJsonObject(model) ? model['merges'] : undefined
  if (!Array.isArray(merges)) return []
  return merges.map(merge =>
    Array.isArray(merge)
      ? merge.map(part => String(part).replaceAll(' ', '\u0120')).join(' ')
      : String(merge),
  )
}

const flags = ({ config }: TokenizerFiles): GgufMetadata =>
  new Map(
    ['bos', 'eos'].flatMap(kind => {
      const value = config[`add_${kind}_token`]
      return typeof value === 'boolean'
        ? [[`tokenizer.ggml.add_${kind}_token`, { type: 'bool', value }] as const]
        : []
    }),
  )

const idEntries = (
  { tokenizer: { specialTokens }, config, eosTokenIds }: PublishedModel,
  tokens: readonly string[],
): GgufMetadata => {
  const idOf = (text: string | undefined) => {
    const id = text === undefined ? -1 : tokens.indexOf(text)
    return id < 0 ? undefined : id
  }
  const eos = idOf(specialTokens.eos) ?? eosTokenIds[0]
  const ids = {
    bos: idOf(specialTokens.bos) ?? config.bosTokenId,
    eos,
    // llama.cpp ends generation at it as well
    eot: eosTokenIds.find(id => id !== eos),
    unknown: idOf(specialTokens.unk),
    padding: idOf(specialTokens.pad),
  }
  return new Map(
    Object.entries(ids).flatMap(([kind, value]) =>
      value === undefined
        ? []
        : [[`tokenizer.ggml.${kind}_token_id`, { type: 'uint32', value }] as const],
    ),
  )
}

const entry = (key: string, value: GgufValue): readonly (readonly [string, GgufEntry])[] => {
  if (typeof value === 'string') return [[key, { type: 'string', value }]]
  if (typeof value === 'boolean') return [[key, { type: 'bool', value }]]
  if (typeof value === 'number') return [[key, { type: 'uint32', value }]]
  if (!Array.isArray(value)) return []
  if (value.every(item => typeof item === 'string')) return [[key, { type: 'strings', value }]]
  if (!value.every(item => typeof item === 'number')) return []
  const type = key === 'tokenizer.ggml.scores' ? 'float32s' : 'int32s'
  return [[key, { type, value }]]
}

const ownTokenizer = ({ metadata }: GgufHeader): GgufMetadata =>
  new Map(
    [...metadata]
      .filter(([key]) => key.startsWith('tokenizer.ggml.'))
      .flatMap(([key, value]) => entry(key, value)),
  )

/** @returns what stands against it; undefined where nothing does */
export const tokenizerProblem = ({ tokenizer }: TokenizerFiles): string | undefined =>
  preTokenizerName(tokenizer) === undefined
    ? `tokenizer.json cuts text in none of the ways that are written (byte-level BPE as in ${Object.keys(PRE_TOKENIZERS).join(', ')})`
    : undefined

const madeTokenizer = (model: PublishedModel): GgufMetadata => {
  const { tokenizer, config } = model
  const pre = preTokenizerName(tokenizer.tokenizer)
  if (pre === undefined) throw modelUnsupported(`GGUF: ${tokenizerProblem(tokenizer)}`)
  const { tokens, types } = tokensOf(tokenizer, config.vocabSize)
  return new Map<string, GgufEntry>([
    ['tokenizer.ggml.model', { type: 'string', value: 'gpt2' }],
    ['tokenizer.ggml.pre', { type: 'string', value: pre }],
    ['tokenizer.ggml.tokens', { type: 'strings', value: tokens }],
    ['tokenizer.ggml.token_type', { type: 'int32s', value: types }],
    ['tokenizer.ggml.merges', { type: 'strings', value: mergesOf(tokenizer) }],
    ...idEntries(model, tokens),
    ...flags(tokenizer),
  ])
}

/** @param base header of the base model where that is a GGUF */
export const tokenizerMetadata = (
  model: PublishedModel,
  base: GgufHeader | undefined,
): GgufMetadata => {
  const { chatTemplate } = model
  return new Map([
    ...(base ? ownTokenizer(base) : madeTokenizer(model)),
    ...(chatTemplate === undefined
      ? []
      : [['tokenizer.chat_template', { type: 'string', value: chatTemplate } as const] as const]),
  ])
}
