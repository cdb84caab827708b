/** `tokenizer.ggml.*`: the base GGUF's own, or made from tokenizer.json as llama.cpp's converter does (byte-level BPE, and SentencePiece's). */
import type { TokenizerFiles } from '../../model/tokenizer-files.ts'
import { modelUnsupported } from '../../stage-error.ts'
import type { GgufHeader, GgufValue } from '../../weights/gguf-header.ts'
import type { PublishedModel } from '../published-model.ts'
import { byteLevelMetadata } from './gguf-bytes.ts'
import type { GgufEntry, GgufMetadata } from './gguf-file.ts'
import { isPieces, piecesMetadata } from './gguf-pieces.ts'
import { vocabularyOf, type WrittenVocabulary } from './gguf-vocabulary.ts'

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

/** @returns what stands against it where it is text */
const vocabularyMetadata = (files: TokenizerFiles, vocabulary: WrittenVocabulary) =>
  isPieces(files.tokenizer)
    ? piecesMetadata(files.tokenizer, vocabulary)
    : byteLevelMetadata(files, vocabulary)

/** @returns what stands against it; undefined where nothing does */
export const tokenizerProblem = (files: TokenizerFiles, vocabSize: number): string | undefined => {
  const made = vocabularyMetadata(files, vocabularyOf(files, vocabSize))
  return typeof made === 'string' ? made : undefined
}

const madeTokenizer = (model: PublishedModel): GgufMetadata => {
  const { tokenizer, config } = model
  const vocabulary = vocabularyOf(tokenizer, config.vocabSize)
  const made = vocabularyMetadata(tokenizer, vocabulary)
  if (typeof made === 'string') throw modelUnsupported(`GGUF: ${made}`)
  return new Map([...made, ...idEntries(model, vocabulary.tokens), ...flags(tokenizer)])
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
