/** SentencePiece's BPE ("llama") of a GGUF: pieces with scores, out of which the merges are made. */
import { modelMalformed, modelUnsupported } from '../stage-error.ts'
import { show } from './read-config-fields.ts'
import { type GgufVocabulary, TOKEN_TYPE, type TokenizerParts } from './tokenizer-from-gguf.ts'

const replace = (from: string, to: string) => ({
  type: 'Replace',
  pattern: { String: from },
  content: to,
})

export const piecesParts = (vocabulary: GgufVocabulary): TokenizerParts => {
  const { metadata, ids, tokens, types } = vocabulary
  refuseVariants(vocabulary)
  // llama.cpp puts the space before each text after a control token, as tokenizers did with "legacy" set
  const hasPrefix = metadata.get('tokenizer.ggml.add_space_prefix') !== false
  const unknown = types.indexOf(TOKEN_TYPE.unknown)
  return {
    normalizer: hasPrefix
      ? { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: '▁' }, replace(' ', '▁')] }
      : replace(' ', '▁'),
    pre_tokenizer: null,
    decoder: {
      type: 'Sequence',
      decoders: [
        replace('▁', ' '),
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        ...(hasPrefix ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : []),
      ],
    },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: unknown < 0 ? null : tokens[unknown],
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: false,
      vocab: Object.fromEntries(ids),
      merges: mergesOf(vocabulary),
    },
  }
}

const refuseVariants = ({ fileName, metadata }: GgufVocabulary) => {
  const plain: readonly (readonly [string, readonly unknown[]])[] = [
    ['tokenizer.ggml.pre', [undefined, 'default']],
    ['tokenizer.ggml.remove_extra_whitespaces', [undefined, false]],
    ['tokenizer.ggml.precompiled_charsmap', [undefined]],
  ]
  for (const [key, values] of plain)
    if (!values.includes(metadata.get(key) as never))
      throw modelUnsupported(
        `${fileName}: ${key} is ${show(metadata.get(key))}, which is not supported: use the model's folder with tokenizer.json instead`,
      )
}

const scoresOf = ({ fileName, metadata, tokens }: GgufVocabulary): readonly number[] => {
  const scores = metadata.get('tokenizer.ggml.scores')
  if (
    !Array.isArray(scores) ||
    scores.length !== tokens.length ||
    !scores.every(score => typeof score === 'number' && Number.isFinite(score))
  )
    throw modelMalformed(
      `${fileName}: tokenizer.ggml.scores does not have ${tokens.length} numbers`,
    )
  return scores as number[]
}

/** a piece longer than any there is would make merges quadratic in its length */
const MAX_PIECE = 256

/** Two pieces that join to a third. */
export type PiecePair = {
  /** of the piece that they join to */
  readonly id: number
  readonly left: string
  readonly right: string
  /** in characters */
  readonly lengths: readonly [left: number, right: number]
}

/** @returns all pairs of pieces that join to a piece, in the order of the pieces and then of the pairs' ids */
export const pairsOf = ({
  tokens,
  types,
  ids,
}: Pick<GgufVocabulary, 'tokens' | 'types' | 'ids'>): readonly PiecePair[] => {
  const isText = (id: number) =>
    types[id] === TOKEN_TYPE.normal || types[id] === TOKEN_TYPE.userDefined
  const idOf = (piece: string) => {
    const id = ids.get(piece)
    return id !== undefined && isText(id) ? id : undefined
  }
  const found: PiecePair[] = []
  for (const [id, token] of tokens.entries()) {
    const characters = Array.from(token)
    if (!isText(id) || characters.length < 2 || characters.length > MAX_PIECE) continue
    const pairs: { readonly order: readonly [number, number]; readonly pair: PiecePair }[] = []
    for (let at = 1, end = characters[0]!.length; at < characters.length; at++) {
      const [left, right] = [token.slice(0, end), token.slice(end)]
      const [l, r] = [idOf(left), idOf(right)]
      const lengths = [at, characters.length - at] as const
      if (l !== undefined && r !== undefined)
        pairs.push({ order: [l, r], pair: { id, left, right, lengths } })
      end += characters[at]!.length
    }
    pairs.sort((a, b) => a.order[0] - b.order[0] || a.order[1] - b.order[1])
    for (const { pair } of pairs) found.push(pair)
  }
  return found
}

/**
 * All pairs that join to a piece, the best score first and the longer ones before others of the same score:
 * the order in which transformers makes them of a SentencePiece model (`generate_merges`).
 */
const mergesOf = (vocabulary: GgufVocabulary): readonly (readonly [string, string])[] => {
  const scores = scoresOf(vocabulary)
  const byScore = pairsOf(vocabulary).toSorted(
    (a, b) =>
      scores[b.id]! - scores[a.id]! || b.lengths[0] - a.lengths[0] || b.lengths[1] - a.lengths[1],
  )
  return byScore.map(({ left, right }) => [left, right])
}
