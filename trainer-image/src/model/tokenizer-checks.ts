/** Checks on tokenizer.json before it reaches the library, which believes all of it. */
import { modelMalformed, modelUnsupported } from '../stage-error.ts'
import { isJsonObject, type JsonObject } from '../weights/read-json.ts'
import { LIMITS } from './read-config-fields.ts'
import { checkTokenizerSizes } from './tokenizer-sizes.ts'

export const isNonNull = <T>(value: T | null | undefined): value is T =>
  value !== null && value !== undefined

/** @returns id of the token that stands for text without tokens */
export const unknownIdOf = (tokenizer: JsonObject): number | undefined => {
  const model = tokenizer['model'] as JsonObject
  if (model['type'] === 'Unigram') return Number(model['unk_id'])
  const id = (model['vocab'] as JsonObject)[String(model['unk_token'])]
  return typeof id === 'number' ? id : undefined
}

/** Refuses what the library would misread, and fills in the keys that it insists on. */
export const checkedTokenizer = (tokenizer: JsonObject): JsonObject => {
  checkTokenizerSizes(tokenizer)
  const model = tokenizer['model']
  if (!isJsonObject(model)) throw modelMalformed('tokenizer.json has no object "model"')
  // files written before the key existed hold a BPE where there are merges
  const type = model['type'] ?? (model['merges'] ? 'BPE' : undefined)
  if (type === 'BPE') checkBpe(model)
  else if (type === 'Unigram') checkUnigram(model)
  else
    throw modelUnsupported(
      `tokenizer.json: model.type is ${JSON.stringify(type)}; only BPE and Unigram are supported: choose a model with such a tokenizer`,
    )
  return {
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: null,
    ...tokenizer,
    added_tokens: checkedAddedTokens(tokenizer['added_tokens'] ?? []),
    model: { ...model, type },
  }
}

const checkBpe = (model: JsonObject) => {
  if (!isJsonObject(model['vocab']) || !Array.isArray(model['merges']))
    throw modelMalformed('tokenizer.json: model needs an object "vocab" and a list "merges"')
  for (const [token, id] of Object.entries(model['vocab']))
    if (!isTokenId(id))
      throw modelMalformed(
        `tokenizer.json: token ${JSON.stringify(token)} has the id ${JSON.stringify(id)}`,
      )
  const bad = model['merges'].findIndex(merge => !isMerge(merge))
  if (bad >= 0)
    throw modelMalformed(
      `tokenizer.json: merge ${bad} is ${JSON.stringify(model['merges'][bad])}, not two tokens`,
    )
  for (const key of ['continuing_subword_prefix', 'end_of_word_suffix'])
    if (model[key])
      throw modelUnsupported(
        `tokenizer.json: model.${key} is ${JSON.stringify(model[key])}; only a BPE without it is supported`,
      )
}

const isMerge = (merge: unknown): boolean =>
  typeof merge === 'string'
    ? merge.split(' ').length === 2
    : Array.isArray(merge) && merge.length === 2 && merge.every(part => typeof part === 'string')

const checkUnigram = (model: JsonObject) => {
  const { vocab, unk_id: unknown } = model
  if (!Array.isArray(vocab)) throw modelMalformed('tokenizer.json: model needs a list "vocab"')
  const bad = vocab.findIndex(
    entry => !Array.isArray(entry) || typeof entry[0] !== 'string' || !Number.isFinite(entry[1]),
  )
  if (bad >= 0)
    throw modelMalformed(
      `tokenizer.json: token ${bad} is ${JSON.stringify(vocab[bad])}, not a piece and its score`,
    )
  if (!isTokenId(unknown) || unknown >= vocab.length)
    throw modelMalformed(
      `tokenizer.json: model.unk_id is ${JSON.stringify(unknown)}, not a token of ${vocab.length}`,
    )
}

const checkedAddedTokens = (list: unknown): readonly unknown[] => {
  if (!Array.isArray(list)) throw modelMalformed('tokenizer.json: added_tokens is not a list')
  const word = list.find(
    token => isJsonObject(token) && token['special'] !== true && token['single_word'] === true,
  )
  if (word)
    throw modelUnsupported(
      `tokenizer.json: added token ${JSON.stringify(word['content'])} is one of whole words only (single_word), which is not supported`,
    )
  return list
}

const isTokenId = (id: unknown): id is number =>
  typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < LIMITS.vocabSize

export const vocabSizeOf = (tokenizer: JsonObject): number => {
  const { vocab } = tokenizer['model'] as { vocab: Record<string, number> | readonly unknown[] }
  let largest = -1
  if (Array.isArray(vocab)) largest = vocab.length - 1
  else
    for (const id of Object.values(vocab as Record<string, number>)) largest = Math.max(largest, id)
  for (const token of tokenizer['added_tokens'] as { id: unknown }[]) {
    if (!isTokenId(token.id))
      throw modelMalformed(`tokenizer.json: an added token has the id ${JSON.stringify(token.id)}`)
    largest = Math.max(largest, token.id)
  }
  return largest + 1
}
