import t from 'tap'
import { createTokenizer } from '../../../../trainer-image/src/model/tokenizer.ts'
import { tokenizerFiles } from '../../../../trainer-image/src/model/tokenizer-files.ts'
import { tokenizerFromGguf } from '../../../../trainer-image/src/model/tokenizer-from-gguf.ts'
import type { GgufHeader, GgufValue } from '../../../../trainer-image/src/weights/gguf-header.ts'
import { recordedKinds, tokenizerJson } from '../../../fixtures/model/tokenizer-kinds.ts'

const { kinds, texts } = recordedKinds

const headerOf = (metadata: Record<string, GgufValue>): GgufHeader => ({
  fileName: 'model.gguf',
  fileSize: 0,
  metadata: new Map(Object.entries(metadata)),
  tensors: new Map(),
})
const open = (header: GgufHeader) => {
  const { tokenizer, config } = tokenizerFromGguf(header)
  return createTokenizer(tokenizerFiles(tokenizer, config))
}
const wordsOf = (vocab: unknown) =>
  Object.entries(vocab as Record<string, number>)
    .sort((a, b) => a[1] - b[1])
    .map(([token]) => token)

const pieces = (name: 'llama2' | 'gemma', change: Record<string, GgufValue> = {}): GgufHeader => {
  const { scores, types, addSpacePrefix } = kinds[name]!.gguf!
  return headerOf({
    'tokenizer.ggml.model': 'llama',
    'tokenizer.ggml.pre': 'default',
    'tokenizer.ggml.tokens': wordsOf(tokenizerJson(kinds[name]!).model['vocab']),
    'tokenizer.ggml.scores': scores,
    'tokenizer.ggml.token_type': types,
    'tokenizer.ggml.add_space_prefix': addSpacePrefix,
    ...change,
  })
}

for (const name of ['llama2', 'gemma'] as const)
  t.test(`pieces of ${name} give the tokens of sentencepiece`, async t => {
    const tokenizer = open(pieces(name))
    for (const [i, text] of texts.entries())
      t.strictSame(tokenizer.encodeText(text), kinds[name]!.ids[i], `text ${i}`)
    for (const [i, text] of kinds[name]!.decoded.entries())
      t.equal(tokenizer.decode(kinds[name]!.ids[i]!), text, `text ${i}`)
  })

const RULES = { 'llama-bpe': 'llama3', qwen2: 'qwen2', 'gpt-4o': 'gpt4o' } as const
for (const [pre, name] of Object.entries(RULES))
  t.test(`a byte-level vocabulary with the rule ${pre} gives the tokens of ${name}`, async t => {
    const json = tokenizerJson(kinds[name]!)
    const words = wordsOf(json.model['vocab'])
    const added = json.added_tokens as { content: string; special: boolean }[]
    const tokens = [...words, ...added.map(({ content }) => content)]
    const tokenizer = open(
      headerOf({
        'tokenizer.ggml.model': 'gpt2',
        'tokenizer.ggml.pre': pre,
        'tokenizer.ggml.tokens': tokens,
        'tokenizer.ggml.token_type': [
          ...words.map(() => 1),
          ...added.map(({ special }) => (special ? 3 : 4)),
        ],
        'tokenizer.ggml.merges': (json.model['merges'] as string[][]).map(pair => pair.join(' ')),
      }),
    )
    for (const [i, text] of texts.entries())
      t.strictSame(tokenizer.encodeText(text), kinds[name]!.ids[i], `text ${i}`)
  })

t.test('refuses pieces that it would misread', async t => {
  const unsupported = { name: 'StageError', reason: 'ModelUnsupported' }
  const malformed = { name: 'StageError', reason: 'ModelMalformed' }
  const change = (key: string, value: GgufValue) => () =>
    tokenizerFromGguf(pieces('llama2', { [`tokenizer.ggml.${key}`]: value }))
  t.throws(change('pre', 'llama-bpe'), unsupported)
  t.throws(change('remove_extra_whitespaces', true), unsupported)
  t.throws(change('scores', [1]), { ...malformed, message: /scores does not have \d+ numbers/ })
  t.throws(change('scores', 'none'), malformed)
  t.throws(change('token_type', []), malformed)
})
