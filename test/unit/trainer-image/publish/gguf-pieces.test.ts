/** Pieces and scores made of a tokenizer.json give the tokens that it gives. */
import t from 'tap'
import { createTokenizer } from '../../../../trainer-image/src/model/tokenizer.ts'
import { tokenizerFiles } from '../../../../trainer-image/src/model/tokenizer-files.ts'
import { tokenizerFromGguf } from '../../../../trainer-image/src/model/tokenizer-from-gguf.ts'
import { piecesMetadata } from '../../../../trainer-image/src/publish/gguf/gguf-pieces.ts'
import { tokenizerProblem } from '../../../../trainer-image/src/publish/gguf/gguf-tokenizer.ts'
import { vocabularyOf } from '../../../../trainer-image/src/publish/gguf/gguf-vocabulary.ts'
import type { JsonObject } from '../../../../trainer-image/src/weights/read-json.ts'
import { recordedKinds, tokenizerJson } from '../../../fixtures/model/tokenizer-kinds.ts'

const { kinds, texts } = recordedKinds

const written = (tokenizer: JsonObject, vocabSize = 900) => {
  const files = tokenizerFiles(tokenizer, {})
  return piecesMetadata(files.tokenizer, vocabularyOf(files, vocabSize))
}
const valuesOf = (tokenizer: JsonObject) => {
  const metadata = written(tokenizer)
  if (typeof metadata === 'string') throw new TypeError(metadata)
  return new Map([...metadata].map(([key, { value }]) => [key, value]))
}
const open = (tokenizer: JsonObject) => {
  const metadata = valuesOf(tokenizer)
  const made = tokenizerFromGguf({
    fileName: 'model.gguf',
    fileSize: 0,
    metadata,
    tensors: new Map(),
  })
  return createTokenizer(tokenizerFiles(made.tokenizer, made.config))
}

for (const name of ['llama2', 'gemma'] as const)
  t.test(`pieces of ${name}`, async t => {
    const json = tokenizerJson(kinds[name]!)
    const metadata = valuesOf(json)
    const { types, addSpacePrefix } = kinds[name]!.gguf!
    t.equal(metadata.get('tokenizer.ggml.add_space_prefix'), addSpacePrefix)
    t.same(metadata.get('tokenizer.ggml.token_type'), types, "sentencepiece's own kinds")
    const tokenizer = open(json)
    for (const [i, text] of texts.entries())
      t.strictSame(tokenizer.encodeText(text), kinds[name]!.ids[i], `text ${i}`)
    for (const [i, text] of kinds[name]!.decoded.entries())
      t.equal(tokenizer.decode(kinds[name]!.ids[i]!), text, `text ${i}`)
  })

const llama2 = tokenizerJson(kinds['llama2']!)
const merges = llama2.model['merges'] as readonly unknown[]
const withMerges = (changed: readonly unknown[]): JsonObject => ({
  ...llama2,
  model: { ...llama2.model, merges: changed },
})

t.test('a space before each text, however tokenizer.json puts it there', async t => {
  const metaspace = { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: false }
  const other = { ...llama2, normalizer: null, pre_tokenizer: metaspace }
  t.same(written(other), written(llama2))
})

const every = (rest: number) => merges.filter((_, at) => at % 2 === rest)
const REFUSED: Readonly<Record<string, readonly [JsonObject, RegExp]>> = {
  'a space before the first text only': [
    tokenizerJson(kinds['llama2-first']!),
    /normalizes or cuts/,
  ],
  'a merge too few': [withMerges(merges.slice(1)), /scores of SentencePiece/],
  'merges in an order that no scores give': [
    withMerges([...every(0), ...every(1)]),
    /scores of SentencePiece/,
  ],
  'words without bytes': [tokenizerJson(kinds['whitespace']!), /none of the ways/],
}
for (const [what, [json, problem]] of Object.entries(REFUSED))
  t.test(`refuses ${what}`, async t => {
    const found = tokenizerProblem(tokenizerFiles(json, {}), 900)
    t.match(found, problem)
  })
