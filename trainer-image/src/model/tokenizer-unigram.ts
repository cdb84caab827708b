/**
 * Unigram (Kudo 2018): of all ways to cut a text into pieces the one with the largest sum of scores.
 * The library's own knows no byte fallback, overflows the stack on long texts and joins unknown characters
 * across words, so its model is replaced by this one; ties and rounding are those of the Python original.
 */
import type { JsonObject } from '../weights/read-json.ts'
import { Model } from './tokenizer-base.ts'

export type UnigramOptions = {
  readonly config: JsonObject
  /** piece and score, by id */
  readonly vocab: readonly (readonly [piece: string, score: number])[]
  readonly unkId: number
  readonly byteFallback: boolean
  /** pieces that text never becomes */
  readonly control: ReadonlySet<string>
}

/** An unknown character costs this much more than the worst piece (sentencepiece, kUnkPenalty). */
const UNKNOWN_PENALTY = 10
const NODE_FACTOR = 2 ** 21

export class UnigramModel extends Model {
  readonly #scores: Float64Array
  readonly #unkId: number
  readonly #unkScore: number
  readonly #byteFallback: boolean
  /** node · 2²¹ + code point → node */
  readonly #next = new Map<number, number>()
  /** node → piece that ends there, or −1 */
  readonly #pieceAt: number[] = [-1]

  constructor({ config, vocab, unkId, byteFallback, control }: UnigramOptions) {
    super(config)
    this.vocab = vocab.map(([piece]) => piece)
    this.tokens_to_ids = new Map(this.vocab.map((piece, id) => [piece, id]))
    this.unk_token_id = unkId
    this.unk_token = this.vocab[unkId]!
    this.fuse_unk = false
    this.#unkId = unkId
    this.#byteFallback = byteFallback
    this.#scores = Float64Array.from(vocab, ([, score]) => score)
    this.#unkScore = this.#scores.reduce((a, b) => Math.min(a, b), 0) - UNKNOWN_PENALTY
    for (const [id, piece] of this.vocab.entries()) if (!control.has(piece)) this.#add(piece, id)
  }

  override encode(texts: string[]): string[] {
    const pieces: string[] = []
    for (const text of texts) for (const piece of this.#cut(text)) this.#emit(piece, pieces)
    return pieces
  }

  #add(piece: string, id: number) {
    let node = 0
    for (const character of piece) {
      const key = node * NODE_FACTOR + character.codePointAt(0)!
      let child = this.#next.get(key)
      if (child === undefined) {
        child = this.#pieceAt.push(-1) - 1
        this.#next.set(key, child)
      }
      node = child
    }
    if (node !== 0) this.#pieceAt[node] = id
  }

  #emit(piece: string, pieces: string[]) {
    if (this.#byteFallback && !this.tokens_to_ids.has(piece)) {
      const bytes = Array.from(
        Buffer.from(piece),
        byte => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
      )
      if (bytes.every(byte => this.tokens_to_ids.has(byte))) {
        for (const byte of bytes) pieces.push(byte)
        return
      }
    }
    pieces.push(piece)
  }

  /** Unknown characters beside each other are one piece. */
  #cut(text: string): string[] {
    const best = this.#bestPieces(text)
    const pieces: string[] = []
    let unknownEnd = -1
    for (let end = text.length; end > 0; ) {
      const start = best.start[end]!
      const isUnknown = best.id[end] === this.#unkId
      if (isUnknown && unknownEnd >= 0) pieces[pieces.length - 1] = text.slice(start, unknownEnd)
      else pieces.push(text.slice(start, end))
      if (!isUnknown) unknownEnd = -1
      else if (unknownEnd < 0) unknownEnd = end
      end = start
    }
    return pieces.reverse()
  }

  /** For every end of a piece the best piece that ends there; the first found wins a tie, the longest that is. */
  #bestPieces(text: string) {
    const n = text.length
    const score = new Float64Array(n + 1)
    const start = new Int32Array(n + 1).fill(-1)
    const id = new Int32Array(n + 1)
    const offer = (from: number, to: number, piece: number, value: number) => {
      if (start[to]! >= 0 && value <= score[to]!) return
      start[to] = from
      score[to] = value
      id[to] = piece
    }
    for (let at = 0; at < n; ) {
      const width = widthAt(text, at)
      const here = score[at]!
      let node: number | undefined = 0
      let hasSingle = false
      for (let end = at; end < n; ) {
        const point: number = text.codePointAt(end)!
        node = this.#next.get(node * NODE_FACTOR + point)
        if (node === undefined) break
        end += point > 0xffff ? 2 : 1
        const piece = this.#pieceAt[node]!
        if (piece < 0) continue
        offer(at, end, piece, this.#scores[piece]! + here)
        if (end - at === width) hasSingle = true
      }
      if (!hasSingle) offer(at, at + width, this.#unkId, this.#unkScore + here)
      at += width
    }
    return { start, id }
  }
}

const widthAt = (text: string, at: number): 1 | 2 => (text.codePointAt(at)! > 0xffff ? 2 : 1)
