import type { Conversation, Message } from '@attune/trainer/data/conversation.ts'
import { withSystemPrompt } from '@attune/trainer/data/conversation.ts'
import { type Fitted, toDocument, toQuestion } from '@attune/trainer/data/document.ts'
import t from 'tap'
import { BOS, byteRenderer, END_OF_TURN } from '../../../fixtures/byte-renderer.ts'

const renderer = byteRenderer()
const conversation = (
  promptLength: number,
  ...turns: [Message['role'], string][]
): Conversation => ({
  messages: turns.map(([role, content]) => ({ role, content })),
  promptLength,
  slice: 'all',
})
const kept = (fitted: Fitted) => {
  if (fitted.outcome !== 'kept') throw new Error(fitted.outcome)
  return fitted
}
const learned = (fitted: Fitted) => {
  const { tokens, loss } = kept(fitted).document
  return renderer.decode(tokens.filter((_, index) => loss[index] === 1))
}
const simple = conversation(1, ['user', 'ask'], ['assistant', 'yes'])
const turns = conversation(0, ['user', 'a'], ['assistant', 'b'], ['user', 'c'], ['assistant', 'd'])

t.test(
  'Response learns every assistant turn with its end-of-turn token, and nothing else',
  async t => {
    const options = { sequenceLength: 100, lossOn: 'Response' } as const
    t.equal(learned(toDocument(simple, renderer, options)), 'yes<end>')
    t.equal(learned(toDocument(turns, renderer, options)), 'b<end>d<end>')
  },
)

t.test('turns of the assistant inside a given prompt are not learned', async t => {
  const options = { sequenceLength: 100, lossOn: 'Response' } as const
  t.equal(learned(toDocument({ ...turns, promptLength: 3 }, renderer, options)), 'd<end>')
})

t.test('All learns everything but the first token', async t => {
  const { document } = kept(toDocument(simple, renderer, { sequenceLength: 100, lossOn: 'All' }))
  t.equal(document.loss[0], 0)
  t.ok(document.loss.subarray(1).every(flag => flag === 1))
})

t.test('a system prompt is put before conversations that have none', async t => {
  const put = withSystemPrompt(simple, 'be brief')
  t.same(put.messages[0], { role: 'system', content: 'be brief' })
  t.equal(put.promptLength, 2)
  const own = conversation(2, ['system', 'x'], ['user', 'ask'], ['assistant', 'yes'])
  t.equal(withSystemPrompt(own, 'be brief'), own)
  t.equal(withSystemPrompt(simple, undefined), simple)
})

t.test('a long example loses the start of its prompt', async t => {
  const long = conversation(1, ['user', 'x'.repeat(50)], ['assistant', 'yes'])
  const { truncated, document } = kept(
    toDocument(long, renderer, { sequenceLength: 12, lossOn: 'Response' }),
  )
  t.equal(truncated, true)
  t.equal(renderer.decode(document.tokens), 'xxxxx<end><turn>assistant:yes<end>')
  t.equal(document.tokens.length, 12)
  t.equal(document.tokens.at(-1), END_OF_TURN)
})

t.test('a beginning-of-sequence token stays in front of what is left', async t => {
  const long = conversation(1, ['user', 'x'.repeat(50)], ['assistant', 'yes'])
  const { document } = kept(
    toDocument(long, byteRenderer({ bos: true }), { sequenceLength: 12, lossOn: 'Response' }),
  )
  t.equal(document.tokens[0], BOS)
  t.equal(document.tokens.length, 12)
})

t.test('an answer as long as the row is dropped', async t => {
  const options = { sequenceLength: 12, lossOn: 'Response' } as const
  const answering = (length: number) =>
    conversation(1, ['user', 'ask'], ['assistant', 'y'.repeat(length)])
  t.equal(
    toDocument(answering(10), renderer, options).outcome,
    'kept',
    'eleven with its end, one token before it',
  )
  t.equal(toDocument(answering(11), renderer, options).outcome, 'tooLong')
  t.equal(toDocument(answering(11), renderer, { ...options, lossOn: 'All' }).outcome, 'tooLong')
})

t.test('a row with nothing to learn is dropped', async t => {
  const blind = { ...renderer, render: () => ({ tokens: [1, 2, 3], assistant: [0, 0, 0] }) }
  t.equal(
    toDocument(simple, blind, { sequenceLength: 12, lossOn: 'Response' }).outcome,
    'untrained',
  )
})

t.test('a question is everything before the last answer, with the generation prompt', async t => {
  const question = toQuestion(turns, renderer, { sequenceLength: 100 })
  t.equal(
    renderer.decode(question.promptTokens),
    '<turn>user:a<end><turn>assistant:b<end><turn>user:c<end><turn>assistant:',
  )
  t.equal(question.reference, 'd')
  t.equal(question.prompt, 'user: a\n\nassistant: b\n\nuser: c')
})

t.test('a long question is cut as its row is', async t => {
  const long = conversation(1, ['user', 'x'.repeat(50)], ['assistant', 'yes'])
  const { promptTokens } = toQuestion(long, renderer, { sequenceLength: 12 })
  t.equal(renderer.decode(promptTokens), 'xxxxx<end><turn>assistant:')
})
