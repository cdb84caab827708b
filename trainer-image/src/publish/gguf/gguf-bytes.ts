/** Byte-level BPE of a tokenizer.json as GGUF has it: its merges, and llama.cpp's name of the way it cuts texts before them. */
import { canonicalJson } from '@attune/crds/canonical-json.ts'
import type { TokenizerFiles } from '../../model/tokenizer-files.ts'
import { PRE_TOKENIZERS } from '../../model/tokenizer-rules.ts'
import { isJsonObject, type JsonObject } from '../../weights/read-json.ts'
import type { GgufEntry, GgufMetadata } from './gguf-file.ts'
import type { WrittenVocabulary } from './gguf-vocabulary.ts'

/** The rules that are known match every character, so that nothing lies between matches that could be removed. */
const isolated = (split: JsonObject): JsonObject =>
  split['behavior'] === 'Removed' && split['invert'] === true
    ? { ...split, behavior: 'Isolated', invert: false }
    : split

/** Pre-tokenizers are the same where they cut the same: offsets are no part of that. */
const comparable = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(comparable)
  if (!isJsonObject(value)) return value
  const { trim_offsets: _, ...rest } = isolated(value)
  return Object.fromEntries(Object.entries(rest).map(([key, of]) => [key, comparable(of)]))
}

/** @returns llama.cpp's name of the pre-tokenizer; undefined where there is none */
export const preTokenizerName = (tokenizer: JsonObject): string | undefined => {
  const { model, normalizer, pre_tokenizer: pre } = tokenizer
  if (!isJsonObject(model) || model['type'] !== 'BPE' || model['byte_fallback'] === true) return
  const wanted = canonicalJson(comparable([normalizer ?? null, pre ?? null]))
  const ignoreMerges = model['ignore_merges'] === true
  const found = Object.entries(PRE_TOKENIZERS).find(
    ([, rule]) =>
      (rule.ignoreMerges ?? false) === ignoreMerges &&
      canonicalJson(comparable([rule.normalizer ?? null, rule.pre])) === wanted,
  )
  return found?.[0]
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

/** @returns what stands against it where it is text */
export const byteLevelMetadata = (
  files: TokenizerFiles,
  { tokens, types }: WrittenVocabulary,
): GgufMetadata | string => {
  const pre = preTokenizerName(files.tokenizer)
  if (pre === undefined)
    return `tokenizer.json cuts text in none of the ways that are written (BPE of SentencePiece, or byte-level BPE as in ${Object.keys(PRE_TOKENIZERS).join(', ')})`
  return new Map<string, GgufEntry>([
    ['tokenizer.ggml.model', { type: 'string', value: 'gpt2' }],
    ['tokenizer.ggml.pre', { type: 'string', value: pre }],
    ['tokenizer.ggml.tokens', { type: 'strings', value: tokens }],
    ['tokenizer.ggml.token_type', { type: 'int32s', value: types }],
    ['tokenizer.ggml.merges', { type: 'strings', value: mergesOf(files) }],
  ])
}
