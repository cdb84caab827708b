import t, { type Test } from 'tap'
import {
  type ChatMessage,
  openChatTemplate,
  renderConversation,
} from '../../../../trainer-image/src/model/chat-template.ts'
import { readRecorded, smolTokenizer } from '../../../fixtures/model/smollm2.ts'

type Case = { messages: ChatMessage[]; ids: number[]; mask: string; generationPrompt: number[] }
const { cases, withControl } = readRecorded<{ cases: Case[]; withControl: Case[] }>(
  'conversations.json',
)
const tokenizer = smolTokenizer()
const smol = openChatTemplate(tokenizer)
const whole = { addGenerationPrompt: false }
const user = (content: string) => ({ role: 'user', content })
const assistant = (content: string) => ({ role: 'assistant', content })

/** What the mask covers, as text. */
const spoken = (
  t: Test,
  source: string | undefined,
  messages: ChatMessage[],
  options = whole,
): string => {
  const template = openChatTemplate(tokenizer, source)
  const { tokens, assistant: mask } = renderConversation(tokenizer, template, messages, options)
  t.strictSame(
    tokens,
    tokenizer.encodeTemplate(template.render(messages, options)),
    'the tokens are those of the rendered text',
  )
  return tokenizer.decode(tokens.filter((_, i) => mask[i] === 1))
}

t.test('gives the tokens and the mask that transformers gives', async t => {
  for (const [i, each] of cases.entries()) {
    const rendered = renderConversation(tokenizer, smol, each.messages, whole)
    t.strictSame(rendered.tokens, each.ids, `tokens ${i}`)
    t.equal(rendered.assistant.join(''), each.mask, `mask ${i}`)
    const prompt = renderConversation(tokenizer, smol, each.messages, { addGenerationPrompt: true })
    t.strictSame(prompt.tokens, [...each.ids, ...each.generationPrompt])
    t.equal(prompt.assistant.length, prompt.tokens.length)
  }
})

t.test('control tokens in messages stay text', async t => {
  for (const { messages, ids } of withControl) {
    const rendered = renderConversation(tokenizer, smol, messages, whole)
    t.strictSame(rendered.tokens, ids)
    t.equal(rendered.tokens.filter(id => id === 2).length, messages.length)
  }
})

t.test('covers the answer and the token that ends it', async t => {
  t.equal(smol.endOfTurn, '<|im_end|>')
  const messages = [user('a'), assistant('b c'), user('d'), assistant(' e\n')]
  t.equal(spoken(t, undefined, messages), 'b c<|im_end|> e\n<|im_end|>')
})

const TEMPLATES: Record<string, [source: string, expected: string]> = {
  'that trims contents': [
    '{% for m in messages %}<|im_start|>{{ m.role }}\n\n{{ m.content | trim }}<|im_end|>{% endfor %}',
    'one<|im_end|>two  two<|im_end|>',
  ],
  'that marks its generations': [
    "{% for m in messages %}{{ m.role }}:{% if m.role == 'assistant' %}{% generation %}{{ m.content }}<|im_end|>{% endgeneration %}{% else %}{{ m.content }}{% endif %}\n{% endfor %}",
    ' one\n<|im_end|>two  two<|im_end|>',
  ],
  'without an end of turn': [
    '{% for m in messages %}### {{ m.role }}\n{{ m.content }}\n\n{% endfor %}',
    ' one\n\ntwo  two',
  ],
  'whose end of turn comes after a space': [
    "{% for m in messages %}{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]{% else %} {{ m.content }} {{ eos_token }}{% endif %}{% endfor %}",
    ' one\n <|im_end|> two  two <|im_end|>',
  ],
  'that looks into contents': [
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.content.startswith(' one') %}({{ m.content }}){% else %}{{ m.content }}{% endif %}<|im_end|>{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
    '( one\n)<|im_end|>two  two<|im_end|>',
  ],
}
for (const [what, [source, expected]] of Object.entries(TEMPLATES))
  t.test(`understands a template ${what}`, async t => {
    const messages = [user(' q '), assistant(' one\n'), user('r'), assistant('two  two')]
    t.equal(spoken(t, source, messages), expected)
  })

t.test('contents with the characters that mark contents are left alone', async t => {
  t.equal(
    spoken(t, undefined, [user('\ue000\ue001'), assistant('\ue0000\ue001x')]),
    '\ue0000\ue001x<|im_end|>',
  )
})

t.test('refuses control tokens where they cannot be told from the template', async t => {
  const template = openChatTemplate(tokenizer, TEMPLATES['that looks into contents']![0])
  const messages = [user('<|im_end|>'), assistant(' one')]
  t.throws(() => renderConversation(tokenizer, template, messages, whole), {
    name: 'StageError',
    reason: 'DatasetMalformed',
    message: /message 1 contains a control token/,
  })
})

t.test('passes on why a template refuses a conversation', async t => {
  const source =
    "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system role') }}{% endif %}{{ m.content }}{% endfor %}"
  const template = openChatTemplate(tokenizer, source)
  const messages = [{ role: 'system', content: 'x' }, user('y')]
  t.throws(() => renderConversation(tokenizer, template, messages, whole), {
    name: 'StageError',
    reason: 'DatasetMalformed',
    message: /\(system, user\): no system role/,
  })
})

t.test('refuses roles that it does not know', async t => {
  const messages = [{ role: 'user<|im_end|>', content: 'x' }]
  t.throws(() => renderConversation(tokenizer, smol, messages, whole), {
    name: 'StageError',
    reason: 'DatasetMalformed',
    message: /role "user<\|im_end\|>"/,
  })
})

t.test('refuses a model without a template, or with a broken one', async t => {
  const unsupported = { name: 'StageError', reason: 'ModelUnsupported' }
  const without = { ...tokenizer, chatTemplate: undefined }
  t.throws(() => openChatTemplate(without), { ...unsupported, message: /no chat template/ })
  t.throws(() => openChatTemplate(tokenizer, '{% for %}'), unsupported)
  t.throws(() => openChatTemplate(tokenizer, "{{ raise_exception('never') }}"), {
    ...unsupported,
    message: /refuses a plain question.*never/,
  })
})

t.test('ends templates that would not end', async t => {
  const slow = { name: 'StageError', reason: 'ModelUnsupported', message: /longer than 0\.2 s/ }
  const loop = '{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}'
  const calls =
    '{% macro f(n) %}{% for i in range(9) %}{{ f(n) }}{% endfor %}{% endmacro %}{{ f(1) }}'
  for (const source of [
    loop,
    loop.replace('{% endfor %}{% endfor %}', 'x{% endfor %}{% endfor %}'),
  ])
    t.throws(() => openChatTemplate(tokenizer, source, 200), slow)
  const unsupported = { name: 'StageError', reason: 'ModelUnsupported' }
  t.throws(() => openChatTemplate(tokenizer, calls, 200), unsupported)
  t.throws(() => openChatTemplate(tokenizer, '{{ range(10000000000) }}', 200), {
    ...unsupported,
    message: /10000000000 numbers/,
  })
  const late = "{% for m in messages %}{{ m.content }}{% if m.content == 'slow' %}{{ m }}"
  const template = openChatTemplate(tokenizer, `${late}${loop}{% endif %}{% endfor %}`, 200)
  t.equal(template.render([user('a')], whole), 'a')
  t.throws(() => template.render([user('slow')], whole), slow)
})

t.test('gives templates what transformers gives them', async t => {
  const source =
    "{% if true and True and not false and none is none and None is none %}{{ range(3) | join(',') }} {{ range(1, 8, 3) | join(',') }} {{ range(3, 0, -1) | join(',') }} {{ range(0) | length }} {{ strftime_now('%Y') }}{% endif %}"
  const template = openChatTemplate(tokenizer, source)
  t.equal(template.render([], whole), `0,1,2 1,4,7 3,2,1 0 ${new Date().getFullYear()}`)
})
