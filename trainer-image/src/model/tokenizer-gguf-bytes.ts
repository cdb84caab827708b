/** Byte-level BPE ("gpt2") of a GGUF: its merges, and the rule by which `tokenizer.ggml.pre` cuts texts before them. */
import { modelMalformed, modelUnsupported } from '../stage-error.ts'
import { show } from './read-config-fields.ts'
import { type GgufVocabulary, stringsOf, type TokenizerParts } from './tokenizer-from-gguf.ts'
import { byteLevel, PRE_TOKENIZERS } from './tokenizer-rules.ts'

export const byteLevelParts = (vocabulary: GgufVocabulary): TokenizerParts => {
  const { metadata, fileName, ids } = vocabulary
  const kind = metadata.get('tokenizer.ggml.pre') ?? 'default'
  const rule = Object.hasOwn(PRE_TOKENIZERS, String(kind))
    ? PRE_TOKENIZERS[String(kind)]
    : undefined
  if (!rule)
    throw modelUnsupported(
      `${fileName}: pre-tokenizer ${show(kind)}; supported are ${Object.keys(PRE_TOKENIZERS).join(', ')}: use the model's folder with tokenizer.json instead`,
    )
  const merges = stringsOf(vocabulary, 'tokenizer.ggml.merges')
  checkMerges(vocabulary, merges)
  return {
    normalizer: rule.normalizer ?? null,
    pre_tokenizer: rule.pre,
    decoder: { ...byteLevel(true), add_prefix_space: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: rule.ignoreMerges ?? false,
      vocab: Object.fromEntries(ids),
      merges,
    },
  }
}

const checkMerges = ({ fileName, ids }: GgufVocabulary, merges: readonly string[]) => {
  for (const merge of merges) {
    const [left = '', right = '', ...more] = merge.split(' ')
    if (more.length > 0 || ![left, right, left + right].every(token => ids.has(token)))
      throw modelMalformed(
        `${fileName}: tokenizer.ggml.merges has ${JSON.stringify(merge)}, which does not join two tokens to a third`,
      )
  }
}
