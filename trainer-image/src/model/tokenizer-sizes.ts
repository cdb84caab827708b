/**
 * How large a tokenizer.json may be, part by part. The library builds maps and tries of all that it is given, on the
 * thread that answers probes and signals; a hostile file would take minutes, or the memory of the whole process.
 */
import { modelMalformed } from '../stage-error.ts'
import { isJsonObject, type JsonObject } from '../weights/read-json.ts'

/** Several times what published models for text have; those that have most are named. */
export const TOKENIZER_SIZES = {
  /** entries of model.vocab; Gemma 3: 262,144 */
  vocab: 1_048_576,
  /** UTF-16 units of all entries of model.vocab together; those of 200,000 byte-level tokens: about 1.6 million */
  vocabText: 8_388_608,
  /** entries of model.merges; Gemma 2: 580,604 */
  merges: 2_097_152,
  /** entries of added_tokens; models of speech have some 30,000 */
  addedTokens: 65_536,
  /** UTF-16 units of the content of one; a regular expression is made of those of control tokens */
  addedContent: 8_192,
  /** UTF-16 units of the content of all added_tokens together */
  addedText: 1_048_576,
  /** objects in normalizer, pre_tokenizer, decoder and post_processor, each; a dozen is much */
  parts: 1_024,
  /** UTF-16 units of a text in one of them; precompiled_charsmap has some 320,000 */
  text: 1_048_576,
  /** lists and objects within each other, anywhere in the file; 8 is much */
  depth: 32,
} as const

const atMost = (field: string, value: number, limit: number, unit: string): void => {
  if (value > limit)
    throw modelMalformed(
      `tokenizer.json: ${field} has ${value} ${unit}, at most ${limit} are read; take the tokenizer of the base model`,
    )
}

type Nested = JsonObject | readonly unknown[]
const isNested = (value: unknown): value is Nested => typeof value === 'object' && value !== null

/** Level by level: what is nested deeper than the stack is must be told, too. @returns levels from the outside in */
function* levelsOf(value: unknown): Generator<readonly Nested[]> {
  for (let level = [value].filter(isNested); level.length > 0; ) {
    yield level
    const inner: Nested[] = []
    for (const one of level)
      for (const each of Object.values(one)) if (isNested(each)) inner.push(each)
    level = inner
  }
}

const checkDepth = (field: string, value: unknown): void => {
  let depth = 0
  for (const _ of levelsOf(value)) {
    depth += 1
    if (depth > TOKENIZER_SIZES.depth)
      throw modelMalformed(
        `tokenizer.json: ${field} has more than ${TOKENIZER_SIZES.depth} lists and objects within each other; take the tokenizer of the base model`,
      )
  }
}

/** After the depth: it goes through each level once. */
const checkParts = (field: string, value: unknown): void => {
  const all = [...levelsOf(value)].flat()
  atMost(field, all.filter(isJsonObject).length, TOKENIZER_SIZES.parts, 'objects')
  for (const one of all)
    for (const [key, text] of Object.entries(one))
      if (typeof text === 'string')
        atMost(`${key} in ${field}`, text.length, TOKENIZER_SIZES.text, 'characters')
}

const lengthOf = (texts: Iterable<unknown>): number => {
  let sum = 0
  for (const text of texts) if (typeof text === 'string') sum += text.length
  return sum
}

const checkVocab = (vocab: unknown): void => {
  if (!isNested(vocab)) return
  const texts = Array.isArray(vocab)
    ? vocab.map((entry: unknown) => (Array.isArray(entry) ? entry[0] : undefined))
    : Object.keys(vocab)
  atMost('model.vocab', texts.length, TOKENIZER_SIZES.vocab, 'entries')
  atMost('model.vocab', lengthOf(texts), TOKENIZER_SIZES.vocabText, 'characters')
}

const checkAdded = (list: unknown): void => {
  if (!Array.isArray(list)) return
  atMost('added_tokens', list.length, TOKENIZER_SIZES.addedTokens, 'entries')
  const contents = list.map((token: unknown) =>
    isJsonObject(token) ? token['content'] : undefined,
  )
  for (const [index, content] of contents.entries())
    atMost(
      `added_tokens[${index}].content`,
      lengthOf([content]),
      TOKENIZER_SIZES.addedContent,
      'characters',
    )
  atMost('added_tokens', lengthOf(contents), TOKENIZER_SIZES.addedText, 'characters')
}

const PARTS = ['normalizer', 'pre_tokenizer', 'decoder', 'post_processor'] as const

/** Throws `StageError` (malformed model) that names field, value and limit. Kinds of values are for others to check. */
export const checkTokenizerSizes = (tokenizer: JsonObject): void => {
  const { model, added_tokens: added } = tokenizer
  if (isJsonObject(model)) {
    checkVocab(model['vocab'])
    if (Array.isArray(model['merges']))
      atMost('model.merges', model['merges'].length, TOKENIZER_SIZES.merges, 'entries')
  }
  checkAdded(added)
  for (const [field, value] of Object.entries(tokenizer)) checkDepth(field, value)
  for (const field of PARTS) checkParts(field, tokenizer[field])
}
