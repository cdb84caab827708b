/** Text → tokens and back, by the model's own tokenizer. Control tokens come only from templates, never from user text. */
import { modelMalformed, modelUnsupported } from '../stage-error.ts'
import { isJsonObject, type JsonObject } from '../weights/read-json.ts'
import { boundedCall, CallTooSlow } from './bounded-call.ts'
import type { Library } from './tokenizer-base.ts'
import { isNonNull, unknownIdOf, vocabSizeOf } from './tokenizer-checks.ts'
import { readTokenizerFiles, type SpecialTokens, type TokenizerFiles } from './tokenizer-files.ts'
import { type Libraries, openLibrary } from './tokenizer-library.ts'
import { hasOwnPatterns } from './tokenizer-patterns.ts'

export type ControlToken = {
  readonly id: number
  readonly content: string
  /** takes the white space before (after) it with it */
  readonly lstrip: boolean
  readonly rstrip: boolean
}

export type Tokenizer = {
  /** number of ids, control tokens included */
  readonly vocabSize: number
  readonly controlTokens: readonly ControlToken[]
  /** the strings that templates know as bos_token, eos_token, … */
  readonly specialTokens: SpecialTokens
  readonly eosTokenIds: readonly number[]
  /** Jinja source, where the model has one */
  readonly chatTemplate: string | undefined
  /**
   * Text in which control tokens are ordinary characters.
   * @param atStart false where other text comes before it (matters to some SentencePiece models)
   */
  encodeText(text: string, atStart?: boolean): number[]
  /** Text in which control tokens are control tokens: only for text that is trusted. */
  encodeTemplate(text: string): number[]
  /** Cuts text at the control tokens in it. */
  splitControl(text: string): readonly Part[]
  decode(tokens: Iterable<number>, options?: { readonly skipControl?: boolean }): string
  /** UTF-8 bytes of text that the token stands for */
  byteLength(token: number): number
}

export const loadTokenizer = async (modelFolder: string): Promise<Tokenizer> =>
  createTokenizer(await readTokenizerFiles(modelFolder))

/** A page of text takes milliseconds. */
const LIMIT_MS = 10_000
const LIMIT_MS_PER_CHARACTER = 0.1

/** @param size of the text, in characters or tokens */
type Bounded = <T>(call: () => T, size: number) => T

const within =
  (limitMs: number): Bounded =>
  (call, size) => {
    try {
      return boundedCall(call, Math.ceil(limitMs + LIMIT_MS_PER_CHARACTER * size))
    } catch (cause) {
      if (!(cause instanceof CallTooSlow)) throw cause
      throw modelUnsupported(
        `tokenizer.json cannot be used: ${cause.message} for a text of ${size}; one of its regular expressions does not end, take the tokenizer of the base model`,
        { cause },
      )
    }
  }

/** @param limitMs how long a short text may take, where the tokenizer has regular expressions of its own */
export const createTokenizer = (files: TokenizerFiles, limitMs = LIMIT_MS): Tokenizer => {
  const added = addedTokens(files.tokenizer)
  const controlTokens = added.filter(token => token.special).map(controlToken)
  const libraries = openLibrary(files)
  const { first, later } = libraries
  const bounded: Bounded = hasOwnPatterns(files.tokenizer) ? within(limitMs) : call => call()
  const unknown = unknownIdOf(files.tokenizer)
  const controlIds = new Set(controlTokens.map(token => token.id))
  const controlById = new Map(controlTokens.map(({ id, content }) => [id, content]))
  const encodeText = (text: string, atStart = true): number[] => {
    if (text === '') return []
    const library = atStart ? first : later
    // halves of surrogate pairs have no UTF-8; the Python original could not be given them
    const encode = () => library.encode(text.toWellFormed(), { add_special_tokens: false })
    const { ids } = bounded(encode, text.length)
    if (ids.some(id => id === undefined || (controlIds.has(id) && id !== unknown)))
      throw modelUnsupported(
        `the tokenizer has no tokens for part of the text ${JSON.stringify(text.slice(0, 60))}; choose a model whose tokenizer covers all bytes`,
      )
    return ids as number[]
  }
  const splitControl = splitterOf(controlTokens)
  const eos = controlTokens.find(token => token.content === files.specialTokens.eos)
  return {
    vocabSize: vocabSizeOf(files.tokenizer),
    controlTokens,
    specialTokens: files.specialTokens,
    eosTokenIds: eos ? [eos.id] : [],
    chatTemplate: files.chatTemplate,
    encodeText,
    encodeTemplate: text =>
      splitControl(text).flatMap(part =>
        'token' in part ? [part.token.id] : encodeText(part.text, part.start === 0),
      ),
    splitControl,
    decode: (tokens, options) => {
      const list = [...tokens]
      const call = () => decode(libraries, controlById, list, options?.skipControl ?? false)
      return bounded(call, list.length)
    },
    byteLength: byteLengths(first, added),
  }
}

type AddedToken = ControlToken & { readonly special: boolean }

const controlToken = ({ id, content, lstrip, rstrip }: ControlToken): ControlToken =>
  Object.freeze({ id, content, lstrip, rstrip })

const addedTokens = (tokenizer: JsonObject): readonly AddedToken[] => {
  const list = tokenizer['added_tokens'] ?? []
  if (!Array.isArray(list)) throw modelMalformed('tokenizer.json: added_tokens is not a list')
  return list.filter(isJsonObject).map(token => {
    const { id, content } = token
    if (typeof content !== 'string' || content === '' || typeof id !== 'number')
      throw modelMalformed('tokenizer.json: added_tokens has an entry without id or content')
    const flag = (key: string) => token[key] === true
    return { id, content, special: flag('special'), lstrip: flag('lstrip'), rstrip: flag('rstrip') }
  })
}

export type Part =
  | { readonly start: number; readonly token: ControlToken }
  | { readonly start: number; readonly text: string }

/** @returns a function that cuts text at control tokens, leftmost and longest first */
const splitterOf = (controlTokens: readonly ControlToken[]) => {
  const byContent = new Map(controlTokens.map(token => [token.content, token]))
  const contents = [...byContent.keys()].sort((a, b) => b.length - a.length)
  const pattern = contents.map(content => content.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|')
  return (text: string): Part[] => {
    const parts: Part[] = []
    let end = 0
    const addText = (to: number) => {
      if (to > end) parts.push({ start: end, text: text.slice(end, to) })
    }
    if (pattern !== '')
      for (const match of text.matchAll(new RegExp(pattern, 'gu'))) {
        addText(match.index)
        parts.push({ start: match.index, token: byContent.get(match[0])! })
        end = match.index + match[0].length
      }
    addText(text.length)
    return stripped(parts)
  }
}

const stripped = (parts: readonly Part[]): Part[] =>
  parts
    .map((part, index) => {
      if ('token' in part) return part
      const before = parts[index - 1]
      const after = parts[index + 1]
      const from =
        before && 'token' in before && before.token.rstrip
          ? part.text.length - part.text.trimStart().length
          : 0
      const text = part.text.slice(from)
      const kept = after && 'token' in after && after.token.lstrip ? text.trimEnd() : text
      return { start: part.start + from, text: kept }
    })
    .filter(part => 'token' in part || part.text !== '')

/** Only the text at the very beginning has SentencePiece's space before it. */
const decode = (
  { first, later }: Libraries,
  controlById: ReadonlyMap<number, string>,
  tokens: Iterable<number>,
  skipControl: boolean,
): string => {
  let text = ''
  let run: number[] = []
  const flush = () => {
    if (run.length > 0)
      text += (text === '' ? first : later).decode(run, {
        clean_up_tokenization_spaces: false,
        skip_special_tokens: false,
      })
    run = []
  }
  for (const token of tokens) {
    const control = controlById.get(token)
    if (control === undefined) run.push(token)
    else {
      flush()
      if (!skipControl) text += control
    }
  }
  flush()
  return text
}

/** Byte-level tokens have a character a byte; SentencePiece's have ▁ for a space and <0xNN> for a byte. */
const byteLengths = (library: Library, added: readonly AddedToken[]) => {
  const lengths = new Map(added.map(({ id, content }) => [id, Buffer.byteLength(content)]))
  const isByteLevel = JSON.stringify(library.decoder?.config ?? null).includes('"ByteLevel"')
  const measure = (token: string) => {
    if (isByteLevel) return [...token].length
    if (/^<0x[0-9A-F]{2}>$/.test(token)) return 1
    return Buffer.byteLength(token.replaceAll('▁', ' '))
  }
  return (id: number): number => {
    const known = lengths.get(id)
    if (known !== undefined) return known
    const token = library.id_to_token(id)
    const length = isNonNull(token) ? measure(token) : 0
    lengths.set(id, length)
    return length
  }
}
