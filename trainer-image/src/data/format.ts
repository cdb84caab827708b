/** From a JSON value to a conversation: Alpaca, PromptCompletion, Messages, and what Curate writes. */
import type { Conversation, Message, Role } from './conversation.ts'
import { ROLES } from './conversation.ts'
import { malformed, type Origin } from './malformed.ts'

/** `Curated`: each example is PromptCompletion or Messages, as it was given. */
export type Format = 'Alpaca' | 'PromptCompletion' | 'Messages' | 'Curated'
export type Columns = {
  readonly instruction?: string
  readonly input?: string
  readonly output?: string
  readonly prompt?: string
  readonly completion?: string
  readonly messages?: string
}
type Fields = Readonly<Record<string, unknown>>
type Turns = Pick<Conversation, 'messages' | 'promptLength'>

const MAX_MESSAGES = 4096
const SLICE_CHARACTERS = 64
export const UNCATEGORIZED = '(none)'
/** Named in an error. */
const MAX_KEYS = 16

export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Own keys only: `{"__proto__": …}` must not lend an example the keys it lacks. */
const get = (fields: Fields, key: string): unknown =>
  Object.hasOwn(fields, key) ? fields[key] : undefined

/** Lone surrogates cannot be tokenized; they become U+FFFD, as in any UTF-8 encoder. */
const text = (value: unknown, key: string, origin: Origin): string => {
  if (typeof value === 'string') return value.toWellFormed()
  throw malformed(origin, `"${key}" must be text`, value ?? 'missing')
}

export const keysOf = (fields: Fields): string => Object.keys(fields).slice(0, MAX_KEYS).join(', ')

const required = (fields: Fields, key: string, origin: Origin): unknown => {
  const value = get(fields, key)
  if (value !== undefined && value !== null) return value
  throw malformed(
    origin,
    `"${key}" is missing (other names: dataset.columns); there are`,
    keysOf(fields),
  )
}

const answer = (value: unknown, key: string, origin: Origin, whole: unknown): string => {
  const content = text(value, key, origin)
  if (content.trim() === '') throw malformed(origin, `"${key}" is empty`, whole)
  return content
}

const isRole = (value: unknown): value is Role => ROLES.some(role => role === value)

const toMessage = (value: unknown, path: string, origin: Origin): Message => {
  if (!isFields(value))
    throw malformed(origin, `"${path}" must be an object with role and content`, value)
  const role = get(value, 'role')
  if (!isRole(role))
    throw malformed(origin, `"${path}.role" must be one of ${ROLES.join(', ')}`, role ?? 'missing')
  const content = get(value, 'content')
  const read = role === 'assistant' ? answer : text
  return { role, content: read(content, `${path}.content`, origin, value) }
}

const toMessages = (value: unknown, key: string, origin: Origin): readonly Message[] => {
  if (!Array.isArray(value))
    throw malformed(origin, `"${key}" must be a list of messages`, value ?? 'missing')
  if (value.length === 0) throw malformed(origin, `"${key}" is empty`, value)
  if (value.length > MAX_MESSAGES)
    throw malformed(origin, `"${key}" has ${value.length} messages, at most ${MAX_MESSAGES}`, '')
  return value.map((message, index) => toMessage(message, `${key}[${index}]`, origin))
}

const endsWithAssistant = (messages: readonly Message[], key: string, origin: Origin) => {
  const last = messages.at(-1)
  if (last?.role !== 'assistant')
    throw malformed(origin, `the last message of "${key}" must be the assistant's`, last)
}

const alpaca = (fields: Fields, columns: Columns, origin: Origin): Turns => {
  const { instruction = 'instruction', input = 'input', output = 'output' } = columns
  const asked = text(required(fields, instruction, origin), instruction, origin)
  const more = text(get(fields, input) ?? '', input, origin)
  const answered = answer(required(fields, output, origin), output, origin, fields)
  const messages: Message[] = [
    { role: 'user', content: asked + (more ? `\n\n${more}` : '') },
    { role: 'assistant', content: answered },
  ]
  return { messages, promptLength: 1 }
}

const promptCompletion = (fields: Fields, columns: Columns, origin: Origin): Turns => {
  const { prompt = 'prompt', completion = 'completion' } = columns
  const asked = required(fields, prompt, origin)
  const answered = required(fields, completion, origin)
  if (!Array.isArray(asked) && !Array.isArray(answered)) {
    const messages: Message[] = [
      { role: 'user', content: text(asked, prompt, origin) },
      { role: 'assistant', content: answer(answered, completion, origin, fields) },
    ]
    return { messages, promptLength: 1 }
  }
  const before = toMessages(asked, prompt, origin)
  const after = toMessages(answered, completion, origin)
  endsWithAssistant(after, completion, origin)
  return { messages: [...before, ...after], promptLength: before.length }
}

const conversation = (fields: Fields, columns: Columns, origin: Origin): Turns => {
  const { messages: key = 'messages' } = columns
  const messages = toMessages(required(fields, key, origin), key, origin)
  endsWithAssistant(messages, key, origin)
  return { messages, promptLength: 0 }
}

const curated = (fields: Fields, columns: Columns, origin: Origin): Turns =>
  Object.hasOwn(fields, 'prompt')
    ? promptCompletion(fields, columns, origin)
    : conversation(fields, columns, origin)

const READERS: Record<Format, (fields: Fields, columns: Columns, origin: Origin) => Turns> = {
  Alpaca: alpaca,
  PromptCompletion: promptCompletion,
  Messages: conversation,
  Curated: curated,
}

const slice = (fields: Fields, column: string | undefined, origin: Origin): string => {
  if (column === undefined) return 'all'
  const value = get(fields, column) ?? UNCATEGORIZED
  if (typeof value === 'object') throw malformed(origin, `"${column}" must be text`, value)
  return String(value).slice(0, SLICE_CHARACTERS).toWellFormed() || UNCATEGORIZED
}

/** `Auto`: decided by the keys of a file's first example. */
export const detectFormat = (value: unknown, columns: Columns, origin: Origin): Format => {
  const has = (key: string) => isFields(value) && Object.hasOwn(value, key)
  if (has(columns.messages ?? 'messages')) return 'Messages'
  if (has(columns.completion ?? 'completion')) return 'PromptCompletion'
  if (has(columns.output ?? 'output')) return 'Alpaca'
  const keys = isFields(value) ? `keys ${keysOf(value)}` : value
  throw malformed(
    origin,
    'no known format: needs messages, or prompt and completion, or instruction and output (other names: dataset.columns); found',
    keys,
  )
}

export type ParseOptions = {
  readonly format: Format
  readonly columns: Columns
  readonly categoryColumn?: string | undefined
}

export const parseExample = (
  value: unknown,
  { format, columns, categoryColumn }: ParseOptions,
  origin: Origin,
): Conversation => {
  if (!isFields(value)) throw malformed(origin, 'an example must be a JSON object', value)
  return {
    ...READERS[format](value, columns, origin),
    slice: slice(value, categoryColumn, origin),
  }
}
