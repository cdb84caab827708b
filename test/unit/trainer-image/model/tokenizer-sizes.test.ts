/** A tokenizer.json is anybody's: what would take minutes or all memory to build is refused before it is built. */
import { truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { readTokenizerFiles } from '../../../../trainer-image/src/model/tokenizer-files.ts'
import {
  checkTokenizerSizes,
  TOKENIZER_SIZES as MOST,
} from '../../../../trainer-image/src/model/tokenizer-sizes.ts'
import type { JsonObject } from '../../../../trainer-image/src/weights/read-json.ts'

const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index))
const token = (content: string) => ({ id: 0, content, special: true })
const text = (length: number) => 'x'.repeat(length)
const nested = (levels: number): unknown =>
  times(levels - 1, index => index).reduce<unknown>(inner => [inner], [])

/** name → what has so much of it, the limit, and how the message begins */
const table: Readonly<
  Record<string, readonly [make: (size: number) => JsonObject, limit: number, field: string]>
> = {
  'entries of a BPE’s vocabulary': [
    size => ({ model: { vocab: Object.fromEntries(times(size, id => [`t${id}`, id])) } }),
    MOST.vocab,
    'model.vocab has 1048577 entries',
  ],
  'entries of a Unigram’s vocabulary': [
    size => ({ model: { vocab: times(size, () => ['p', -1]) } }),
    MOST.vocab,
    'model.vocab has 1048577 entries',
  ],
  'text of a BPE’s vocabulary': [
    size => ({ model: { vocab: { [text(size - 1)]: 0, a: 1 } } }),
    MOST.vocabText,
    'model.vocab has 8388609 characters',
  ],
  'text of a Unigram’s vocabulary': [
    size => ({
      model: {
        vocab: [
          [text(size - 1), -1],
          ['a', -1],
        ],
      },
    }),
    MOST.vocabText,
    'model.vocab has 8388609 characters',
  ],
  merges: [
    size => ({ model: { merges: times(size, () => 'a b') } }),
    MOST.merges,
    'model.merges has 2097153 entries',
  ],
  'added tokens': [
    size => ({ added_tokens: times(size, () => token('a')) }),
    MOST.addedTokens,
    'added_tokens has 65537 entries',
  ],
  'text of one added token': [
    size => ({ added_tokens: [token('a'), token(text(size))] }),
    MOST.addedContent,
    'added_tokens[1].content has 8193 characters',
  ],
  'text of all added tokens': [
    size => ({
      added_tokens: [...times(1023, () => text(1024)), text(size - 1023 * 1024)].map(token),
    }),
    MOST.addedText,
    'added_tokens has 1048577 characters',
  ],
  ...Object.fromEntries(
    ['normalizer', 'pre_tokenizer', 'decoder', 'post_processor'].flatMap(field => [
      [
        `parts of ${field}`,
        [
          (size: number) => ({ [field]: times(size, () => ({ type: 'NFC' })) }),
          MOST.parts,
          `${field} has 1025 objects`,
        ] as const,
      ],
      [
        `text in ${field}`,
        [
          (size: number) => ({ [field]: { pattern: { Regex: text(size) } } }),
          MOST.text,
          `Regex in ${field} has 1048577 characters`,
        ] as const,
      ],
    ]),
  ),
  ...Object.fromEntries(
    ['normalizer', 'pre_tokenizer', 'decoder', 'model', 'added_tokens', 'another'].map(field => [
      `nesting of ${field}`,
      [
        (size: number) => ({ [field]: nested(size) }),
        MOST.depth,
        `${field} has more than 32 lists and objects within each other`,
      ] as const,
    ]),
  ),
}

for (const [name, [make, limit, field]] of Object.entries(table))
  t.test(`${name}: as many as the limit, and one more`, t => {
    t.doesNotThrow(() => checkTokenizerSizes(make(limit)))
    const message = (() => {
      try {
        checkTokenizerSizes(make(limit + 1))
      } catch (error) {
        t.match(error, { name: 'StageError', reason: 'ModelMalformed' })
        return (error as Error).message
      }
      return ''
    })()
    t.ok(message.startsWith(`tokenizer.json: ${field}`), message.slice(0, 200))
    t.ok(message.includes(String(limit)), 'the limit is told')
    t.match(message, /take the tokenizer of the base model$/)
    t.end()
  })

t.test('a file that is nested deeper than any stack, or too long, is refused soon', async t => {
  const folder = t.testdir({})
  const file = join(folder, 'tokenizer.json')
  const inside = 1_000_000
  for (const field of ['normalizer', 'pre_tokenizer', 'decoder', 'added_tokens', 'another']) {
    await writeFile(
      file,
      `{"model":{"type":"BPE","vocab":{},"merges":[]},"${field}":${'['.repeat(inside)}${']'.repeat(inside)}}`,
    )
    const started = performance.now()
    await t.rejects(readTokenizerFiles(folder), { message: `${field} has more than 32` }, field)
    t.ok(performance.now() - started < 5000, 'long before a probe would fail')
  }
  await truncate(file, 128 * 2 ** 20 + 1)
  await t.rejects(readTokenizerFiles(folder), {
    reason: 'ModelMalformed',
    message: /tokenizer\.json of the model has 134217729 bytes, at most 134217728 are read/,
  })
})
