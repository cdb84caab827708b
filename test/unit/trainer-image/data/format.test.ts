import {
  type Columns,
  detectFormat,
  type Format,
  parseExample,
} from '@attune/trainer/data/format.ts'
import t from 'tap'

const origin = { file: 'pvc://data/train.jsonl', unit: 'line', number: 17 } as const
const parse = (format: Format, value: unknown, columns: Columns = {}, categoryColumn?: string) =>
  parseExample(value, { format, columns, categoryColumn }, origin)
const user = (content: string) => ({ role: 'user', content })
const assistant = (content: string) => ({ role: 'assistant', content })

t.test('what each format becomes', async t => {
  const cases: Record<string, [Format, unknown, object]> = {
    'Alpaca without input': [
      'Alpaca',
      { instruction: 'Say hi', output: 'hi' },
      { messages: [user('Say hi'), assistant('hi')], promptLength: 1 },
    ],
    'Alpaca with input': [
      'Alpaca',
      { instruction: 'Translate', input: 'Haus', output: 'house' },
      { messages: [user('Translate\n\nHaus'), assistant('house')], promptLength: 1 },
    ],
    'Alpaca with an empty or null input': [
      'Alpaca',
      { instruction: 'Say hi', input: null, output: 'hi' },
      { messages: [user('Say hi'), assistant('hi')] },
    ],
    'PromptCompletion as text': [
      'PromptCompletion',
      { prompt: 'a', completion: 'b' },
      { messages: [user('a'), assistant('b')], promptLength: 1 },
    ],
    'PromptCompletion as messages': [
      'PromptCompletion',
      { prompt: [user('a'), assistant('b'), user('c')], completion: [assistant('d')] },
      { messages: [user('a'), assistant('b'), user('c'), assistant('d')], promptLength: 3 },
    ],
    Messages: [
      'Messages',
      { messages: [user('a'), assistant('b')] },
      { messages: [user('a'), assistant('b')], promptLength: 0, slice: 'all' },
    ],
    'lone surrogates become U+FFFD': [
      'Alpaca',
      { instruction: 'a\ud800', output: 'b' },
      { messages: [user('a\ufffd'), assistant('b')] },
    ],
  }
  for (const [sentence, [format, value, expected]] of Object.entries(cases))
    t.match(parse(format, value), expected, sentence)
})

t.test('columns rename keys', async t => {
  const parsed = parse(
    'PromptCompletion',
    { question: 'a', answer: 'b' },
    { prompt: 'question', completion: 'answer' },
  )
  t.same(parsed.messages, [user('a'), assistant('b')])
  t.throws(
    () =>
      parse('PromptCompletion', { question: 'a' }, { prompt: 'question', completion: 'answer' }),
    {
      message: /line 17: "answer" is missing \(other names: dataset.columns\); there are/,
    },
  )
})

t.test('the category column names the slice', async t => {
  const of = (intent: unknown) =>
    parse('Alpaca', { instruction: 'a', output: 'b', intent }, {}, 'intent').slice
  t.equal(of('lights'), 'lights')
  t.equal(of(7), '7')
  t.equal(of(undefined), '(none)')
  t.equal(of('x'.repeat(100)).length, 64)
  t.throws(() => of(['lights']), { message: /"intent" must be text: \["lights"\]/ })
})

t.test('what is wrong is said with file, line, key and value', async t => {
  const cases: Record<string, [Format, unknown, RegExp]> = {
    'not an object': ['Alpaca', 5, /an example must be a JSON object: 5/],
    'missing instruction': [
      'Alpaca',
      { output: 'x' },
      /"instruction" is missing \(other names: dataset.columns\); there are/,
    ],
    'wrong type': ['PromptCompletion', { prompt: 5, completion: 'x' }, /"prompt" must be text: 5/],
    'inherited keys do not count': [
      'Alpaca',
      JSON.parse('{"__proto__":{"instruction":"a"},"output":"b"}'),
      /"instruction" is missing \(other names: dataset.columns\); there are/,
    ],
    'empty completion': [
      'PromptCompletion',
      { prompt: 'a', completion: ' \n' },
      /"completion" is empty: \{"prompt":"a"/,
    ],
    'text beside messages': [
      'PromptCompletion',
      { prompt: 'a', completion: [assistant('b')] },
      /"prompt" must be a list of messages: a/,
    ],
    'no messages': ['Messages', { messages: [] }, /"messages" is empty/],
    'messages of another type': [
      'Messages',
      { messages: 'a' },
      /"messages" must be a list of messages: a/,
    ],
    'unknown role': [
      'Messages',
      { messages: [{ role: 'human', content: 'a' }] },
      /"messages\[0\]\.role" must be one of system, user, assistant, tool: human/,
    ],
    'content in parts': [
      'Messages',
      { messages: [{ role: 'user', content: [{ type: 'text' }] }] },
      /"messages\[0\]\.content" must be text: \[\{/,
    ],
    'an empty answer': [
      'Messages',
      { messages: [user('a'), assistant('')] },
      /"messages\[1\]\.content" is empty/,
    ],
    'last turn is not the assistant': [
      'Messages',
      { messages: [user('a'), assistant('b'), user('c')] },
      /last message of "messages" must be the assistant's: \{"role":"user"/,
    ],
    'too many messages': [
      'Messages',
      { messages: Array(5000).fill(user('a')) },
      /"messages" has 5000 messages, at most 4096/,
    ],
  }
  for (const [sentence, [format, value, message]] of Object.entries(cases)) {
    t.throws(
      () => parse(format, value),
      { reason: 'DatasetMalformed', exitCode: 65, message },
      sentence,
    )
    t.throws(
      () => parse(format, value),
      { message: /^pvc:\/\/data\/train\.jsonl line 17: / },
      sentence,
    )
  }
})

t.test('Auto decides by the keys of an example', async t => {
  const detect = (value: unknown, columns: Columns = {}) => detectFormat(value, columns, origin)
  t.equal(detect({ messages: [] }), 'Messages')
  t.equal(detect({ prompt: '', completion: '' }), 'PromptCompletion')
  t.equal(detect({ instruction: '', output: '' }), 'Alpaca')
  t.equal(
    detect({ question: '', answer: '' }, { prompt: 'question', completion: 'answer' }),
    'PromptCompletion',
  )
  t.throws(() => detect({ text: 'x', id: 1 }), {
    message: /no known format: needs messages, .*found: keys text, id/,
  })
  t.throws(() => detect([1]), { message: /no known format/ })
})
