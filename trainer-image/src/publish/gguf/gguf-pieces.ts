/**
 * SentencePiece's BPE of a tokenizer.json as GGUF has it: pieces with scores in place of merges, which llama.cpp joins
 * best score first. The inverse of tokenizer-gguf-pieces.ts.
 */
import { canonicalJson } from '@attune/crds/canonical-json.ts'
import { pairsOf } from '../../model/tokenizer-gguf-pieces.ts'
import { isJsonObject, type JsonObject } from '../../weights/read-json.ts'
import type { GgufEntry, GgufMetadata } from './gguf-file.ts'
import { KIND, type WrittenVocabulary } from './gguf-vocabulary.ts'

const replaceSpaces = { type: 'Replace', pattern: { String: ' ' }, content: '▁' }
const prependSpace = { type: 'Prepend', prepend: '▁' }
const noSpacesLeft = {
  type: 'Split',
  pattern: { String: ' ' },
  behavior: 'MergedWithPrevious',
  invert: false,
}
const metaspace = (scheme: string) => ({
  type: 'Metaspace',
  replacement: '▁',
  prepend_scheme: scheme,
  split: false,
})

/** Spaces of its texts are '▁'. */
type PieceVocabulary = WrittenVocabulary & { readonly ids: ReadonlyMap<string, number> }

/** Normalizer and pre-tokenizer, and whether they put a space before each text; llama.cpp cannot put it before the first only. */
const WAYS: readonly (readonly [normalizer: unknown, pre: unknown, addSpacePrefix: boolean])[] = [
  [{ type: 'Sequence', normalizers: [prependSpace, replaceSpaces] }, null, true],
  [replaceSpaces, null, false],
  [replaceSpaces, noSpacesLeft, false],
  [null, metaspace('always'), true],
  [null, metaspace('never'), false],
]

const prefixOf = ({ normalizer, pre_tokenizer: pre }: JsonObject): boolean | undefined => {
  const wanted = canonicalJson([normalizer ?? null, pre ?? null])
  return WAYS.find(([some, other]) => canonicalJson([some, other]) === wanted)?.[2]
}

export const isPieces = ({ model }: JsonObject): boolean =>
  isJsonObject(model) && model['type'] === 'BPE' && model['byte_fallback'] === true

type Merge = readonly [left: string, right: string]

const mergesOf = ({ model }: JsonObject): readonly Merge[] => {
  const merges = isJsonObject(model) ? model['merges'] : undefined
  if (!Array.isArray(merges)) return []
  return merges.map((merge): Merge => {
    const [left, right] = Array.isArray(merge) ? merge : String(merge).split(' ')
    return [String(left), String(right)]
  })
}

/**
 * Merges stand in the order of their pieces' scores; pieces whose merges are mixed have the same.
 * @returns rank of each piece, from 0 for the best score
 */
const ranksOf = (merges: readonly Merge[]): ReadonlyMap<string, number> => {
  const last = new Map(merges.map(([left, right], at) => [left + right, at]))
  const ranks = new Map<string, number>()
  let [rank, end] = [-1, -1]
  for (const [at, [left, right]] of merges.entries()) {
    const piece = left + right
    if (at > end) rank++
    end = Math.max(end, last.get(piece)!)
    ranks.set(piece, rank)
  }
  return ranks
}

const lengthsOf = ([left, right]: Merge) => [Array.from(left).length, Array.from(right).length]

/** SentencePiece's order within a score: longer pieces first, the left one before the right one. */
const isOrdered = (merges: readonly Merge[], ranks: ReadonlyMap<string, number>): boolean =>
  merges.every((merge, at) => {
    const next = merges[at + 1]
    if (!next) return true
    const [piece, following] = [merge.join(''), next.join('')]
    // of the pairs of one piece, the text has but one
    if (piece === following || ranks.get(piece) !== ranks.get(following)) return true
    const [[left, right], [nextLeft, nextRight]] = [lengthsOf(merge), lengthsOf(next)]
    return left! > nextLeft! || (left === nextLeft && right! >= nextRight!)
  })

const joined = (left: string, right: string) => `${left}\0${right}`

/** llama.cpp joins all pairs that make a piece, whichever merges there are. */
const hasAllPairs = (vocabulary: PieceVocabulary, merges: readonly Merge[]): boolean => {
  const given = new Set(merges.map(([left, right]) => joined(left, right)))
  return pairsOf(vocabulary).every(({ left, right }) => given.has(joined(left, right)))
}

const BYTE = /^<0x[0-9A-F]{2}>$/

/** SentencePiece has kinds of their own for bytes and for what is none of its pieces. */
const pieceVocabulary = (
  { model }: JsonObject,
  { tokens, types }: WrittenVocabulary,
): PieceVocabulary => {
  const unknown = isJsonObject(model) ? model['unk_token'] : undefined
  const kindOf = (token: string, id: number): number => {
    if (token === unknown) return KIND.unknown
    return BYTE.test(token) ? KIND.byte : types[id]!
  }
  const ids = new Map(tokens.map((token, id) => [token, id]))
  return { tokens, types: tokens.map(kindOf), ids }
}

const scoresOf = (
  { tokens, types }: WrittenVocabulary,
  ranks: ReadonlyMap<string, number>,
): readonly number[] => {
  const lowest = -ranks.size
  return tokens.map((token, id) => {
    if (types[id] !== KIND.normal && types[id] !== KIND.userDefined) return 0
    const rank = ranks.get(token)
    return rank === undefined ? lowest : -rank
  })
}

/** @returns what stands against it where it is text */
export const piecesMetadata = (
  tokenizer: JsonObject,
  written: WrittenVocabulary,
): GgufMetadata | string => {
  const addSpacePrefix = prefixOf(tokenizer)
  if (addSpacePrefix === undefined)
    return 'tokenizer.json normalizes or cuts text in a way that llama.cpp does not know of SentencePiece'
  const merges = mergesOf(tokenizer)
  const ranks = ranksOf(merges)
  const vocabulary = pieceVocabulary(tokenizer, written)
  if (!isOrdered(merges, ranks) || !hasAllPairs(vocabulary, merges))
    return 'the merges of tokenizer.json are not those that scores of SentencePiece give'
  const { tokens, types } = vocabulary
  return new Map<string, GgufEntry>([
    ['tokenizer.ggml.model', { type: 'string', value: 'llama' }],
    ['tokenizer.ggml.pre', { type: 'string', value: 'default' }],
    ['tokenizer.ggml.tokens', { type: 'strings', value: tokens }],
    ['tokenizer.ggml.scores', { type: 'float32s', value: scoresOf(vocabulary, ranks) }],
    ['tokenizer.ggml.token_type', { type: 'int32s', value: types }],
    ['tokenizer.ggml.add_space_prefix', { type: 'bool', value: addSpacePrefix }],
  ])
}
