import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  CATEGORIES,
  type Example,
  generate,
  HELD_OUT_PER_CATEGORY,
  TRAIN_PER_CATEGORY,
} from '../../../examples/home-automation/generate.ts'
import { CONTEXTS, POLITE_FORMS, VOCABULARY } from '../../../examples/home-automation/vocabulary.ts'
import t from 'tap'

const FOLDER = join(import.meta.dirname, '../../../examples/home-automation')
const parse = (lines: string): Example[] =>
  lines
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
const files = generate()
const train = parse(files['train.jsonl'])
const validation = parse(files['validation.jsonl'])

t.test('the committed files are what the generator makes, every time', async t => {
  for (const [name, content] of Object.entries(files))
    t.equal(readFileSync(join(FOLDER, name), 'utf8'), content, name)
  t.same(generate(), files)
})

t.test('intents are balanced on both sides', async t => {
  const counts = (examples: Example[]) =>
    Object.fromEntries(
      Object.entries(Object.groupBy(examples, ({ intent }) => intent)).map(([intent, some]) => [
        intent,
        some?.length,
      ]),
    )
  const each = (count: number) => Object.fromEntries(CATEGORIES.map(({ name }) => [name, count]))
  t.same(counts(train), each(TRAIN_PER_CATEGORY))
  t.same(counts(validation), each(HELD_OUT_PER_CATEGORY))
  t.ok(train.length >= 600)
})

t.test('no request occurs twice', async t => {
  const requests = [...train, ...validation].map(({ prompt }) => prompt.toLowerCase())
  t.equal(new Set(requests).size, requests.length)
})

/** Slots masked, contexts and punctuation gone: what is left of a request is its phrasing. */
const phrasingOf = (said: string) => {
  const contexts = [...CONTEXTS.train, ...CONTEXTS.heldOut]
  const bare = contexts.reduce((text, context) => text.replace(`${context} `, ''), said)
  const words = Object.values(VOCABULARY)
    .flat()
    .map(word => word.said)
    .toSorted((a, b) => b.length - a.length)
  return bare
    .replace(/\{\w+\}/g, '_')
    .replace(new RegExp(`\\b(${words.join('|')})\\b`, 'gi'), '_')
    .replace(/[^\w' ]/g, '')
    .toLowerCase()
}

t.test('no held-out phrasing occurs in training, not even inside a polite form', async t => {
  const learned = new Set(train.map(({ prompt }) => phrasingOf(prompt)))
  const templates = new Set(
    CATEGORIES.flatMap(({ actions }) => actions.flatMap(({ train }) => train)).map(phrasingOf),
  )
  for (const template of CATEGORIES.flatMap(({ actions }) => actions.flatMap(a => a.heldOut))) {
    const phrasing = phrasingOf(template)
    t.notOk(templates.has(phrasing), template)
    t.notOk(
      [...learned].some(one => ` ${one} `.includes(` ${phrasing} `)),
      `${template} in training`,
    )
  }
})

t.test(
  'contexts are apart, and the polite forms of the held-out requests are new but the plain one',
  async t => {
    t.same(
      CONTEXTS.heldOut.filter(context => CONTEXTS.train.includes(context)),
      [],
    )
    t.same(
      POLITE_FORMS.heldOut.filter(form => POLITE_FORMS.train.includes(form)),
      ['{ask}.'],
    )
  },
)

t.test('every answer is one line of JSON that names its command first', async t => {
  for (const { completion } of [...train, ...validation]) {
    const command = JSON.parse(completion)
    t.equal(JSON.stringify(command), completion)
    t.equal(Object.keys(command)[0], 'intent')
  }
})

t.test('every word and every command of the held-out answers is learned somewhere', async t => {
  const values = (examples: Example[]) =>
    new Set(
      examples.flatMap(({ completion }) =>
        Object.entries(JSON.parse(completion)).map(([key, value]) => `${key}=${value}`),
      ),
    )
  const learned = values(train)
  t.same(
    [...values(validation)].filter(value => !learned.has(value)),
    [],
  )
})
