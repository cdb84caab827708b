/** One instruction-output pair in the one shape that everything after the readers sees. */
import { createHash } from 'node:crypto'
import { canonicalJson } from '@attune/crds/canonical-json.ts'

export const ROLES = ['system', 'user', 'assistant', 'tool'] as const
export type Role = (typeof ROLES)[number]
export type Message = { readonly role: Role; readonly content: string }

export type Conversation = {
  /** ends with a turn of the assistant */
  readonly messages: readonly Message[]
  /** messages that were given as the prompt: never learned from, even where they hold turns of the assistant */
  readonly promptLength: number
  /** value of the category column, if there is one */
  readonly slice: string
}

/** sha256 over the canonical JSON of the messages: format, column names and category do not change it. */
export const contentHash = ({ messages }: Pick<Conversation, 'messages'>): string =>
  createHash('sha256')
    .update(canonicalJson(messages.map(({ role, content }) => ({ role, content }))))
    .digest('hex')

export const withSystemPrompt = (
  conversation: Conversation,
  systemPrompt: string | undefined,
): Conversation => {
  if (!systemPrompt || conversation.messages.some(({ role }) => role === 'system'))
    return conversation
  return {
    ...conversation,
    messages: [{ role: 'system', content: systemPrompt }, ...conversation.messages],
    promptLength: conversation.promptLength + 1,
  }
}
