/** Text and kind of every token of a tokenizer.json. */
import type { TokenizerFiles } from '../../model/tokenizer-files.ts'
import { TOKEN_TYPE } from '../../model/tokenizer-from-gguf.ts'
import { isJsonObject } from '../../weights/read-json.ts'

/** gguf.md, tokenizer.ggml.token_type */
export const KIND = { ...TOKEN_TYPE, unused: 5, byte: 6 } as const

export type WrittenVocabulary = {
  /** text of each id */
  readonly tokens: readonly string[]
  /** kind of each id */
  readonly types: readonly number[]
}

const entriesOf = (value: unknown): readonly (readonly [string, unknown])[] =>
  isJsonObject(value) ? Object.entries(value) : []

/** Ids that the tokenizer has not are filled up, as the model's embedding has them. */
export const vocabularyOf = (
  { tokenizer }: TokenizerFiles,
  vocabSize: number,
): WrittenVocabulary => {
  const { model, added_tokens: added } = tokenizer
  const tokens = Array.from({ length: vocabSize }, (_, id) => `[PAD${id}]`)
  const types: number[] = Array(vocabSize).fill(KIND.unused)
  const put = (id: unknown, text: string, kind: number) => {
    if (typeof id !== 'number' || !(id >= 0 && id < vocabSize)) return
    tokens[id] = text
    types[id] = kind
  }
  for (const [text, id] of entriesOf(isJsonObject(model) ? model['vocab'] : undefined))
    put(id, text, KIND.normal)
  for (const token of Array.isArray(added) ? added : []) {
    const kind = token['special'] === true ? KIND.control : KIND.userDefined
    put(token['id'], String(token['content']), kind)
  }
  return { tokens, types }
}
