/** The JavaScript tokenizer library, opened so that it gives the tokens of the Python original. */
import { modelUnsupported, StageError } from '../stage-error.ts'
import { isJsonObject, type JsonObject } from '../weights/read-json.ts'
import { type Library, Tokenizer } from './tokenizer-base.ts'
import { keepByteOrderMarks, portableDecoder } from './tokenizer-decoder.ts'
import type { TokenizerFiles } from './tokenizer-files.ts'
import { exactNormalizer, portableNormalizer } from './tokenizer-normalizer.ts'
import { portablePreTokenizer } from './tokenizer-pre.ts'
import { UnigramModel } from './tokenizer-unigram.ts'

export type Libraries = {
  /** for a text's beginning */
  readonly first: Library
  /** for what has other text before it */
  readonly later: Library
}

/** Control tokens are left out: the library could not tell the template's from the user's. */
export const openLibrary = (files: TokenizerFiles): Libraries => {
  try {
    const first = open(files, true)
    const { pre_tokenizer: pre, decoder } = files.tokenizer
    const depends =
      JSON.stringify(pre ?? null).includes('"first"') ||
      /"(Metaspace|Strip)"/.test(JSON.stringify(decoder ?? null))
    return { first, later: depends ? open(files, false, first.model) : first }
  } catch (cause) {
    if (cause instanceof StageError) throw cause
    throw modelUnsupported(`tokenizer.json cannot be used: ${cause}`, { cause })
  }
}

const NO_MODEL = { type: 'BPE', vocab: {}, merges: [] }

/** @param shared the model of another library, as making one takes long */
const open = (
  { tokenizer, config }: TokenizerFiles,
  atStart: boolean,
  shared?: Library['model'],
): Library => {
  const added = (tokenizer['added_tokens'] as readonly unknown[]).filter(isJsonObject)
  const ordinary = added.filter(token => token['special'] !== true)
  const control = new Set(
    added.filter(token => token['special'] === true).map(token => String(token['content'])),
  )
  const model = tokenizer['model'] as JsonObject
  const isUnigram = model['type'] === 'Unigram'
  const library = new Tokenizer(
    {
      ...tokenizer,
      added_tokens: ordinary,
      normalizer: portableNormalizer(tokenizer['normalizer']),
      pre_tokenizer: portablePreTokenizer(tokenizer['pre_tokenizer'], atStart),
      post_processor: null,
      decoder: portableDecoder(tokenizer['decoder'], atStart),
      model: shared || isUnigram ? NO_MODEL : withoutControl(model, control),
    },
    // these two would change text on the way in or out, which the Python original does not do
    { ...config, clean_up_tokenization_spaces: false, remove_space: false },
  )
  library.normalizer = exactNormalizer(library.normalizer)
  if (library.decoder) keepByteOrderMarks(library.decoder)
  if (shared) library.model = shared
  else if (isUnigram) library.model = unigram(model, control, ordinary)
  return library
}

/** With "ignore_merges" a word is a token if the vocabulary has it, and so could be the name of a control token. */
const withoutControl = (model: JsonObject, control: ReadonlySet<string>): JsonObject => {
  if (model['ignore_merges'] !== true) return model
  const vocab = Object.entries(model['vocab'] as JsonObject)
  return {
    ...model,
    vocab: Object.fromEntries(
      vocab.filter(([token]) => token === model['unk_token'] || !control.has(token)),
    ),
  }
}

const unigram = (
  model: JsonObject,
  control: ReadonlySet<string>,
  ordinary: readonly JsonObject[],
): UnigramModel => {
  const result = new UnigramModel({
    config: model,
    vocab: model['vocab'] as readonly (readonly [string, number])[],
    unkId: Number(model['unk_id']),
    byteFallback: model['byte_fallback'] === true,
    control,
  })
  for (const { content, id } of ordinary) {
    result.tokens_to_ids.set(String(content), Number(id))
    result.vocab[Number(id)] = String(content)
  }
  return result
}
