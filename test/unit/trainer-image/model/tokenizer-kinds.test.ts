import { createHash } from 'node:crypto'
import t from 'tap'
import { createTokenizer } from '../../../../trainer-image/src/model/tokenizer.ts'
import { tokenizerFiles } from '../../../../trainer-image/src/model/tokenizer-files.ts'
import {
  recordedKinds,
  type TokenizerKind,
  tokenizerJson,
} from '../../../fixtures/model/tokenizer-kinds.ts'

const { kinds, texts, prose, control: controlTexts } = recordedKinds

const open = (kind: TokenizerKind) => createTokenizer(tokenizerFiles(tokenizerJson(kind), {}))

const repeated = (text: string) => {
  const characters = Array.from(text)
  return Array.from({ length: 100_000 }, (_, i) => characters[i % characters.length]).join('')
}
const LONG: Record<string, string> = {
  mixed: repeated(prose.join(' ')),
  spaces: repeated(' '),
  letters: repeated('abc'),
  words: repeated('one two three '),
  emoji: repeated('😀👍'),
}

/** One of each model; the others differ in how they cut texts before it. */
const ALL_LONG = ['llama3', 'llama2', 'gemma', 'unigram', 'unigram-bytes']

for (const [name, kind] of Object.entries(kinds)) {
  t.test(`${name} gives the tokens of the Python original`, async t => {
    const tokenizer = open(kind)
    for (const [i, text] of texts.entries())
      t.strictSame(tokenizer.encodeText(text), kind.ids[i], `text ${i}`)
  })

  t.test(`${name} gives the text of the Python original`, async t => {
    const tokenizer = open(kind)
    for (const [i, text] of kind.decoded.entries())
      t.equal(tokenizer.decode(kind.ids[i]!), text, `text ${i}`)
  })

  t.test(`${name} reads texts of 100,000 characters`, async t => {
    const tokenizer = open(kind)
    for (const what of ALL_LONG.includes(name) ? Object.keys(LONG) : ['mixed']) {
      const ids = tokenizer.encodeText(LONG[what]!)
      const sha256 = createHash('sha256').update(JSON.stringify(ids)).digest('hex')
      t.strictSame({ count: ids.length, sha256 }, kind.long[what], what)
    }
  })
}

t.test('makes no control tokens of their names in a text', async t => {
  const names = texts.slice(...controlTexts)
  for (const kind of Object.values(kinds)) {
    const tokenizer = open(kind)
    const control = new Set(tokenizer.controlTokens.map(({ id }) => id))
    const unknown = tokenizer.controlTokens.find(({ content }) => content === '<unk>')?.id
    for (const text of names)
      t.notOk(tokenizer.encodeText(text).some(id => control.has(id) && id !== unknown))
    for (const { id, content } of tokenizer.controlTokens)
      t.strictSame(tokenizer.encodeTemplate(content), [id])
  }
})
