/** One conversation as tokens: what is learned, what is cut, what is asked of the model. */
import type { Conversation, Message } from './conversation.ts'

/** The model's tokenizer and chat template. */
export type Renderer = {
  render(
    messages: readonly Message[],
    options: { readonly addGenerationPrompt: boolean },
  ): {
    readonly tokens: ArrayLike<number>
    /** 1 where the token is of an assistant turn, its end-of-turn token included */
    readonly assistant: ArrayLike<number>
  }
  /** special tokens included */
  decode(tokens: ArrayLike<number>): string
  readonly bosTokenId?: number
}

export type Document = {
  readonly tokens: Int32Array
  /** 1 where the token is a target; never the first */
  readonly loss: Uint8Array
}

export type DocumentOptions = {
  readonly sequenceLength: number
  readonly lossOn: 'Response' | 'All'
}

export type Fitted =
  | { readonly outcome: 'kept'; readonly truncated: boolean; readonly document: Document }
  /** `tooLong`: the answer alone fills the row; `untrained`: no token is a target */
  | { readonly outcome: 'tooLong' | 'untrained' }

/**
 * The last `count` tokens. Only the prompt's start is lost, so the answer and the question next to it stay;
 * a beginning-of-sequence token stays in front, because models of the Llama family attend to it throughout.
 */
const keepEnd = <A extends Int32Array | Uint8Array>(
  all: A,
  count: number,
  keepFirst: boolean,
): A => {
  if (all.length <= count) return all
  const end = all.slice(all.length - count) as A
  if (keepFirst && count > 0) end[0] = all[0] ?? 0
  return end
}

/** Some models name the token that opens every turn as their beginning-of-sequence token; that one is no such thing. */
const beginsSequence = (tokens: Int32Array, { bosTokenId }: Renderer): boolean =>
  tokens[0] === bosTokenId && tokens.indexOf(bosTokenId ?? -1, 1) < 0

/** @returns index of the last assistant turn's first token, or the number of tokens if there is none */
const lastAnswerStart = (assistant: Uint8Array): number => {
  const end = assistant.lastIndexOf(1)
  return end < 0 ? assistant.length : assistant.lastIndexOf(0, end) + 1
}

const targets = (
  conversation: Conversation,
  renderer: Renderer,
  assistant: Uint8Array,
  lossOn: DocumentOptions['lossOn'],
): Uint8Array => {
  if (lossOn === 'All') return new Uint8Array(assistant.length).fill(1)
  const prompt = conversation.messages.slice(0, conversation.promptLength)
  const loss = assistant.slice()
  if (prompt.some(({ role }) => role === 'assistant')) {
    loss.fill(0, 0, renderer.render(prompt, { addGenerationPrompt: true }).tokens.length)
  }
  return loss
}

export const toDocument = (
  conversation: Conversation,
  renderer: Renderer,
  { sequenceLength, lossOn }: DocumentOptions,
): Fitted => {
  const rendered = renderer.render(conversation.messages, { addGenerationPrompt: false })
  const tokens = Int32Array.from(rendered.tokens)
  const assistant = Uint8Array.from(rendered.assistant)
  const loss = targets(conversation, renderer, assistant, lossOn)
  // at least one token before the answer, to predict its first one from
  if (
    tokens.length - lastAnswerStart(assistant) >= sequenceLength &&
    tokens.length > sequenceLength
  )
    return { outcome: 'tooLong' }
  const keepFirst = beginsSequence(tokens, renderer)
  const document = {
    tokens: keepEnd(tokens, sequenceLength, keepFirst),
    loss: keepEnd(loss, sequenceLength, false),
  }
  document.loss[0] = 0
  if (!document.loss.includes(1)) return { outcome: 'untrained' }
  return { outcome: 'kept', truncated: tokens.length > sequenceLength, document }
}

export type Question = {
  readonly promptTokens: Int32Array
  readonly prompt: string
  readonly reference: string
}

/** What the model is asked in the evaluation: everything before the last turn of the assistant. */
export const toQuestion = (
  { messages }: Conversation,
  renderer: Renderer,
  { sequenceLength }: Pick<DocumentOptions, 'sequenceLength'>,
): Question => {
  const before = messages.slice(0, -1)
  const full = renderer.render(messages, { addGenerationPrompt: false })
  const assistant = Uint8Array.from(full.assistant)
  const answerLength = assistant.length - lastAnswerStart(assistant)
  const tokens = Int32Array.from(renderer.render(before, { addGenerationPrompt: true }).tokens)
  return {
    // as much of the prompt as the example's row holds
    promptTokens: keepEnd(
      tokens,
      Math.max(1, sequenceLength - answerLength),
      beginsSequence(tokens, renderer),
    ),
    prompt: before.map(({ role, content }) => `${role}: ${content}`).join('\n\n'),
    reference: messages.at(-1)?.content ?? '',
  }
}
