/** The parts of `@huggingface/tokenizers` that are used here; its own declarations do not resolve under Node's rules. */
import * as tokenizers from '@huggingface/tokenizers'
import type { JsonObject } from '../weights/read-json.ts'

export type LibraryNormalizer = {
  readonly config: JsonObject
  normalize(text: string): string
}
export type LibraryModel = {
  vocab: string[]
  tokens_to_ids: Map<string, number>
  unk_token_id: number | undefined
  unk_token: string | undefined
  fuse_unk: boolean
  encode(texts: string[]): string[]
}
export type LibraryDecoder = {
  readonly config: JsonObject
  /** of a Sequence */
  readonly decoders?: readonly LibraryDecoder[]
  /** of ByteFallback */
  text_decoder?: InstanceType<typeof TextDecoder>
}
export type Library = {
  normalizer: LibraryNormalizer | null
  model: LibraryModel | null
  readonly decoder: LibraryDecoder | null
  encode(
    text: string,
    options: { readonly add_special_tokens: boolean },
  ): { readonly ids: (number | undefined)[] }
  decode(
    tokens: readonly number[],
    options: {
      readonly clean_up_tokenization_spaces: boolean
      readonly skip_special_tokens: boolean
    },
  ): string
  id_to_token(id: number): string | undefined
}

type Exports = {
  readonly Tokenizer: new (tokenizer: JsonObject, config: JsonObject) => Library
  readonly Model: new (config: JsonObject) => LibraryModel
  readonly Normalizer: new (config: JsonObject) => LibraryNormalizer
  readonly SequenceNormalizer: new (
    config: JsonObject,
  ) => LibraryNormalizer & { normalizers: (LibraryNormalizer | null)[] }
}

export const { Tokenizer, Model, Normalizer, SequenceNormalizer } = tokenizers as unknown as Exports
