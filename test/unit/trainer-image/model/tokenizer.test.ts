import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createTokenizer, loadTokenizer } from '../../../../trainer-image/src/model/tokenizer.ts'
import { tokenizerFiles } from '../../../../trainer-image/src/model/tokenizer-files.ts'
import { tokenizerFromGguf } from '../../../../trainer-image/src/model/tokenizer-from-gguf.ts'
import type { JsonObject } from '../../../../trainer-image/src/weights/read-json.ts'
import {
  readRecorded,
  smolTokenizer,
  smolVocabularyHeader,
} from '../../../fixtures/model/smollm2.ts'

type Case = { text: string; ids: number[] }
const recorded = readRecorded<{ asText: Case[]; asTemplate: Case[] }>('texts.json')
const tokenizer = smolTokenizer()

t.test('gives text the tokens that the Python original gives', async t => {
  for (const [i, { text, ids }] of recorded.asText.entries())
    t.strictSame(tokenizer.encodeText(text), ids, `text ${i}`)
})

t.test('decodes to the text that was encoded', async t => {
  for (const [i, { text, ids }] of recorded.asText.entries()) {
    // six control characters have no token in this vocabulary
    const kept = [...text].filter(c => !'\x04\x06\x13\x14\x16\x1d'.includes(c)).join('')
    t.equal(tokenizer.decode(ids), kept, `text ${i}`)
  }
})

t.test('makes control tokens of trusted text only', async t => {
  for (const { text, ids } of recorded.asTemplate) {
    t.strictSame(tokenizer.encodeTemplate(text), ids)
    const control = new Set(tokenizer.controlTokens.map(({ id }) => id))
    t.notOk(tokenizer.encodeText(text).some(id => control.has(id)))
  }
})

t.test('knows its vocabulary', async t => {
  t.equal(tokenizer.vocabSize, 49_152)
  t.equal(tokenizer.controlTokens.length, 17)
  t.strictSame(tokenizer.eosTokenIds, [2])
  t.strictSame(tokenizer.specialTokens, {
    bos: '<|im_start|>',
    eos: '<|im_end|>',
    unk: '<|endoftext|>',
    pad: '<|im_end|>',
  })
  t.match(tokenizer.chatTemplate, /add_generation_prompt/)
})

t.test('shows or skips control tokens when it decodes', async t => {
  const ids = tokenizer.encodeTemplate('<|im_start|>user\nhi<|im_end|>')
  t.equal(tokenizer.decode(ids), '<|im_start|>user\nhi<|im_end|>')
  t.equal(tokenizer.decode(ids, { skipControl: true }), 'user\nhi')
  t.equal(tokenizer.decode([]), '')
})

t.test('measures tokens in bytes', async t => {
  const text = 'Zürich 日本 😀'
  const total = tokenizer.encodeText(text).reduce((sum, id) => sum + tokenizer.byteLength(id), 0)
  t.equal(total, Buffer.byteLength(text))
  t.equal(tokenizer.byteLength(1), '<|im_start|>'.length)
})

t.test('loads the same from a folder with tokenizer.json', async t => {
  const { tokenizer: json, config } = tokenizerFromGguf(smolVocabularyHeader())
  const folder = t.testdir()
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(json))
  writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify(config))
  const loaded = await loadTokenizer(folder)
  const { text, ids } = recorded.asText[5]!
  t.strictSame(loaded.encodeText(text), ids)
  t.equal(loaded.chatTemplate, tokenizer.chatTemplate)
  writeFileSync(join(folder, 'chat_template.jinja'), 'its own')
  t.equal((await loadTokenizer(folder)).chatTemplate, 'its own', 'the file overrides the config')
})

t.test('takes the template named default out of a list of them', async t => {
  const { tokenizer: json } = tokenizerFromGguf(smolVocabularyHeader())
  const templateOf = (chat_template: unknown, file?: string) =>
    tokenizerFiles(json, { chat_template } as JsonObject, file).chatTemplate
  const tools = { name: 'tool_use', template: 'with tools' }
  t.equal(templateOf([tools, { name: 'default', template: 'plain' }]), 'plain')
  t.equal(templateOf([tools, { name: 'default', template: 'plain' }], 'its own'), 'its own')
  t.equal(templateOf([tools]), undefined)
  t.equal(templateOf([]), undefined)
  t.equal(templateOf(7), undefined)
})

/** A vocabulary of letters, as SentencePiece models are converted: ▁ for spaces, bytes where no letter fits. */
const sentencePiece = (prependScheme: string) => ({
  added_tokens: [
    { id: 1, content: '<s>', special: true },
    { id: 2, content: '</s>', special: true, rstrip: true },
  ],
  normalizer: null,
  pre_tokenizer: {
    type: 'Metaspace',
    replacement: '▁',
    prepend_scheme: prependScheme,
    split: false,
  },
  post_processor: null,
  decoder: {
    type: 'Sequence',
    decoders: [
      { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
      { type: 'ByteFallback' },
      { type: 'Fuse' },
    ],
  },
  model: {
    type: 'BPE',
    byte_fallback: true,
    fuse_unk: true,
    unk_token: '<unk>',
    vocab: Object.fromEntries(
      ['<unk>', '<s>', '</s>', '▁', 'a', 'b', '▁a', '<0xC3>', '<0xBC>'].map((name, id) => [
        name,
        id,
      ]),
    ),
    merges: ['▁ a'],
  },
})

t.test('puts the space of SentencePiece before the first text only', async t => {
  const piece = createTokenizer(tokenizerFiles(sentencePiece('first'), { eos_token: '</s>' }))
  t.strictSame(piece.encodeTemplate('ab<s>ab'), [6, 5, 1, 4, 5])
  t.strictSame(piece.encodeTemplate('<s>ab'), [1, 4, 5])
  t.strictSame(piece.encodeText('ü', false), [7, 8])
  t.strictSame(piece.encodeTemplate('<s>a</s> b'), [1, 4, 2, 5], '</s> takes the space after it')
  t.strictSame([6, 7, 8].map(piece.byteLength), [2, 1, 1])
})

const malformed = { name: 'StageError', reason: 'ModelMalformed' }
const unsupported = { name: 'StageError', reason: 'ModelUnsupported' }

t.test('refuses tokenizers that it would misread', async t => {
  const json = sentencePiece('first')
  const create = (change: object) => () =>
    createTokenizer(tokenizerFiles({ ...json, ...change }, {}))
  t.throws(create({ model: { type: 'WordPiece', vocab: {} } }), {
    ...unsupported,
    message: /WordPiece/,
  })
  const unigram = (vocab: unknown, unk: unknown = 0) =>
    create({ model: { type: 'Unigram', vocab, unk_id: unk } })
  t.throws(unigram([]), malformed)
  t.throws(unigram([['a', 'b']]), { ...malformed, message: /token 0/ })
  t.throws(unigram([['a', 0]], 1), { ...malformed, message: /unk_id/ })
  t.throws(unigram([['a', 0]], null), malformed)
  t.throws(create({ model: { type: 'BPE', vocab: { a: 1 }, merges: ['a'] } }), {
    ...malformed,
    message: /merge 0/,
  })
  t.throws(create({ model: { ...json.model, continuing_subword_prefix: '##' } }), unsupported)
  t.throws(create({ added_tokens: [{ id: 9, content: 'y', single_word: true }] }), unsupported)
  t.throws(create({ normalizer: { type: 'BertNormalizer' } }), {
    ...unsupported,
    message: /BertNormalizer/,
  })
  t.throws(create({ normalizer: { type: 'Precompiled', precompiled_charsmap: 'AAAA' } }), malformed)
  t.throws(
    create({ pre_tokenizer: { type: 'Split', pattern: { String: 'a' }, behavior: 'Odd' } }),
    unsupported,
  )
  t.throws(create({ model: { type: 'BPE', vocab: { a: -1 }, merges: [] } }), malformed)
  t.throws(create({ model: { type: 'BPE', vocab: { a: 1e12 }, merges: [] } }), malformed)
  t.throws(create({ model: { type: 'BPE', vocab: [] } }), malformed)
  t.throws(create({ added_tokens: [{ id: 'x', content: 'y' }] }), malformed)
  t.throws(create({ added_tokens: {} }), malformed)
  t.throws(create({ pre_tokenizer: { type: 'None such' } }), {
    ...unsupported,
    message: /None such/,
  })
})

t.test('refuses GGUF vocabularies that it would misread', async t => {
  const header = smolVocabularyHeader()
  const change = (key: string, value: string | string[] | number[]) => () =>
    tokenizerFromGguf({ ...header, metadata: new Map(header.metadata).set(key, value) })
  t.throws(change('tokenizer.ggml.pre', 'bloom'), { ...unsupported, message: /bloom.*smollm/ })
  t.throws(change('tokenizer.ggml.model', 'bert'), { ...unsupported, message: /tokenizer\.json/ })
  t.throws(change('tokenizer.ggml.model', 'llama'), { ...unsupported, message: /pre is "smollm"/ })
  t.throws(change('tokenizer.ggml.merges', ['no such']), { ...malformed, message: /"no such"/ })
  t.throws(change('tokenizer.ggml.merges', ['a b c']), malformed)
  t.throws(change('tokenizer.ggml.tokens', [1, 2]), malformed)
  t.throws(change('tokenizer.ggml.tokens', ['a', 'a']), { ...malformed, message: /1 tokens twice/ })
  t.throws(change('tokenizer.ggml.token_type', [1]), malformed)
})

t.test('says which file a folder lacks', async t => {
  const folder = t.testdir({ 'model.safetensors': '' })
  await t.rejects(loadTokenizer(folder), { ...malformed, message: /no tokenizer\.json/ })
})
