/** Checks on tokenizer.json before it reaches the library, which believes all of it. */
import { modelMalformed, modelUnsupported } from '../stage-error.ts'
import { isJsonObject, type JsonObject } from '../weights/read-json.ts'
import { LIMITS } from './read-config-fields.ts'

export const isNonNull = <T>(value: T | null | undefined): value is T =>
  value !== null && value !== undefined

/** Refuses what the library would misread, and fills in the keys that it insists on. */
export const checkedTokenizer = (tokenizer: JsonObject): JsonObject => {
  const model = tokenizer['model']
  if (!isJsonObject(model)) throw modelMalformed('tokenizer.json has no object "model"')
  // files written before the key existed hold a BPE where there are merges
  const type = model['type'] ?? (model['merges'] ? 'BPE' : undefined)
  if (type !== 'BPE')
    throw modelUnsupported(
      `tokenizer.json: model.type is ${JSON.stringify(type)}; only BPE is supported: choose a model with such a tokenizer`,
    )
  if (!isJsonObject(model['vocab']) || !Array.isArray(model['merges']))
    throw modelMalformed('tokenizer.json: model needs an object "vocab" and a list "merges"')
  for (const [token, id] of Object.entries(model['vocab']))
    if (!isTokenId(id))
      throw modelMalformed(
        `tokenizer.json: token ${JSON.stringify(token)} has the id ${JSON.stringify(id)}`,
      )
  return {
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: null,
    added_tokens: [],
    ...tokenizer,
    model: { ...model, type },
  }
}

const isTokenId = (id: unknown): id is number =>
  typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < LIMITS.vocabSize

export const vocabSizeOf = (tokenizer: JsonObject): number => {
  const model = tokenizer['model'] as { vocab: Record<string, number> }
  let largest = -1
  for (const id of Object.values(model.vocab)) largest = Math.max(largest, id)
  for (const token of tokenizer['added_tokens'] as { id: unknown }[]) {
    if (!isTokenId(token.id))
      throw modelMalformed(`tokenizer.json: an added token has the id ${JSON.stringify(token.id)}`)
    largest = Math.max(largest, token.id)
  }
  return largest + 1
}
