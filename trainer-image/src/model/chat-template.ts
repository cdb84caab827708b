/** Conversations → tokens by the model's chat template (Jinja). Control tokens come from the template alone. */
import { datasetMalformed, modelUnsupported, StageError } from '../stage-error.ts'
import { boundedTemplate, TemplateTooSlow } from './bounded-template.ts'
import { type ChatMessage, renderWithSpans } from './chat-template-spans.ts'
import { type TokensWithMask, tokenize } from './chat-template-tokens.ts'
import type { Tokenizer } from './tokenizer.ts'

export type { ChatMessage } from './chat-template-spans.ts'

export type ChatTemplate = {
  /** the text itself, control tokens and all */
  render(
    messages: readonly ChatMessage[],
    options: { readonly addGenerationPrompt: boolean },
  ): string
  /** control token that the template puts after an answer, where it does */
  readonly endOfTurn: string | undefined
}

/** Conversations take milliseconds; what takes longer holds up a whole data set, and probes and signals with it. */
const RENDER_MS = 5_000

/**
 * @param source Jinja; the model's own if absent
 * @param limitMs how long one rendering may take
 */
export const openChatTemplate = (
  tokenizer: Tokenizer,
  source: string | undefined = tokenizer.chatTemplate,
  limitMs: number = RENDER_MS,
): ChatTemplate => {
  if (source === undefined)
    throw modelUnsupported(
      'the model has no chat template; choose its instruction-tuned variant or add chat_template.jinja to its folder',
    )
  const template = parse(source, limitMs)
  const { bos, eos, unk, pad } = tokenizer.specialTokens
  const render: ChatTemplate['render'] = (messages, { addGenerationPrompt }) => {
    try {
      return template({
        messages,
        add_generation_prompt: addGenerationPrompt,
        ...(bos === undefined ? {} : { bos_token: bos }),
        ...(eos === undefined ? {} : { eos_token: eos }),
        ...(unk === undefined ? {} : { unk_token: unk }),
        ...(pad === undefined ? {} : { pad_token: pad }),
      })
    } catch (cause) {
      if (cause instanceof TemplateTooSlow)
        throw modelUnsupported(
          `the model's chat template cannot be used: ${cause.message} for a conversation of ${messages.length} messages; give another one`,
          { cause },
        )
      const roles = messages.map(({ role }) => role)
      const shown = roles.length > 8 ? [...roles.slice(0, 8), '…'] : roles
      throw datasetMalformed(
        `the model's chat template refuses the conversation (${shown.join(', ')}): ${cause instanceof Error ? cause.message : cause}`,
        { cause },
      )
    }
  }
  return { render, endOfTurn: endOfTurn(tokenizer, render) }
}

const parse = (source: string, limitMs: number) => {
  try {
    return boundedTemplate(source, limitMs)
  } catch (cause) {
    throw modelUnsupported(`the model's chat template cannot be read: ${cause}`, { cause })
  }
}

const ROLES: readonly string[] = ['system', 'user', 'assistant', 'tool']

/**
 * Tokens are those of tokenizing the rendered text, except that control tokens within contents stay text.
 * The mask covers the assistant's contents and the control token that ends each of them.
 */
export const renderConversation = (
  tokenizer: Tokenizer,
  template: ChatTemplate,
  messages: readonly ChatMessage[],
  options: { readonly addGenerationPrompt: boolean },
): TokensWithMask => {
  for (const { role } of messages)
    if (!ROLES.includes(role))
      throw datasetMalformed(
        `a message has the role ${JSON.stringify(role).slice(0, 60)}; ${ROLES.join(', ')} are known`,
      )
  const hasControl = (content: string) =>
    tokenizer.splitControl(content).some(part => 'token' in part)
  const { text, contents, answers } = renderWithSpans(
    template.render,
    messages,
    options,
    hasControl,
  )
  const spoken = answers.map(answer => {
    const next = contents.find(({ index, start }) => index !== answer.index && start >= answer.end)
    const tail = text.slice(answer.end, next?.start)
    return { ...answer, end: answer.end + turnEnd(tokenizer, template, tail) }
  })
  return tokenize(tokenizer, text, contents, spoken)
}

/** Length up to the end of the end-of-turn token, if it is the first control token after the content. */
const turnEnd = (tokenizer: Tokenizer, { endOfTurn }: ChatTemplate, tail: string): number => {
  if (endOfTurn === undefined) return 0
  const control = tokenizer.splitControl(tail).find(part => 'token' in part)
  return control && 'token' in control && control.token.content === endOfTurn
    ? control.start + endOfTurn.length
    : 0
}

/** Asked of the template once: what it writes after the last answer of a conversation. */
const endOfTurn = (tokenizer: Tokenizer, render: ChatTemplate['render']): string | undefined => {
  const answer = 'answer'
  const text = probe(() =>
    render(
      [
        { role: 'user', content: 'question' },
        { role: 'assistant', content: answer },
      ],
      { addGenerationPrompt: false },
    ),
  )
  const tail = text.slice(text.lastIndexOf(answer) + answer.length)
  const control = tokenizer.splitControl(tail).find(part => 'token' in part)
  return control && 'token' in control ? control.token.content : undefined
}

const probe = (render: () => string): string => {
  try {
    return render()
  } catch (cause) {
    if (cause instanceof StageError && cause.reason === 'ModelUnsupported') throw cause
    throw modelUnsupported(
      `the model's chat template refuses a plain question and answer: ${cause instanceof Error ? cause.message : cause}`,
      { cause },
    )
  }
}
