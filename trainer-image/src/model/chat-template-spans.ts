/**
 * Where the messages' contents are in the rendered text. Contents are marked before rendering with characters
 * that occur nowhere else; the marks are taken out again, and the text must then be what rendering without
 * marks gives, or the marks have changed the template's decisions and another way of marking is tried.
 */
import { datasetMalformed } from '../stage-error.ts'

export type ChatMessage = { readonly role: string; readonly content: string }

/** Text from `start` to `end` is the content of message `index`. */
export type Span = { readonly index: number; readonly start: number; readonly end: number }
export type RenderedText = {
  readonly text: string
  /** text of which nothing is a control token */
  readonly contents: readonly Span[]
  /** contents of the assistant */
  readonly answers: readonly Span[]
}
export type RenderText = (
  messages: readonly ChatMessage[],
  options: { readonly addGenerationPrompt: boolean },
) => string

/** @param hasControl whether text contains a control token of the model */
export const renderWithSpans = (
  render: RenderText,
  messages: readonly ChatMessage[],
  options: { readonly addGenerationPrompt: boolean },
  hasControl: (text: string) => boolean,
): RenderedText => {
  const text = render(messages, options)
  for (const mark of [markWhole, markCore]) {
    const marked = renderMarked(some => render(some, options), messages, mark)
    if (marked?.text !== text) continue
    const answers = marked.spans.filter(({ index }) => messages[index]?.role === 'assistant')
    return { text, contents: marked.spans, answers }
  }
  // the template looks into contents; where they hold nothing that could be mistaken, all of it can be trusted
  const suspect = messages.findIndex(({ content }) => hasControl(content))
  if (suspect >= 0)
    throw datasetMalformed(
      `message ${suspect + 1} contains a control token of the model, and the chat template rewrites messages, so that the two cannot be told apart; take the control token out of the data`,
    )
  return { text, contents: [], answers: answersByPrefix(render, messages, text) }
}

/** An answer begins where the conversation up to it, with the generation prompt, ends. */
const answersByPrefix = (
  render: RenderText,
  messages: readonly ChatMessage[],
  text: string,
): readonly Span[] =>
  messages.flatMap(({ role, content }, index) => {
    if (role !== 'assistant') return []
    const before = render(messages.slice(0, index), { addGenerationPrompt: true })
    const upTo = render(messages.slice(0, index + 1), { addGenerationPrompt: false })
    if (!text.startsWith(before))
      throw datasetMalformed(
        `the chat template rewrites message ${index + 1} or those before it, so that the answer cannot be found; leave earlier turns of the assistant out of the data`,
      )
    const bound = text.startsWith(upTo) ? upTo.length : text.length
    const core = content.trim()
    const found = text.indexOf(core, before.length)
    const end = found < 0 || found + core.length > bound ? before.length : found + core.length
    return [{ index, start: before.length, end }]
  })

type Marks = { readonly open: string; readonly close: string }
type Mark = (content: string, index: number, marks: Marks) => string

const wrap = (content: string, index: number, { open, close }: Marks) =>
  `${open}${index}${close}${content}${close}${index}${open}`

const markWhole: Mark = wrap

/** Templates that trim contents do not see white space within marks; outside of them they do. */
const markCore: Mark = (content, index, marks) => {
  const core = content.trim()
  const start = content.length - content.trimStart().length
  return `${content.slice(0, start)}${wrap(core, index, marks)}${content.slice(start + core.length)}`
}

const renderMarked = (
  render: (messages: readonly ChatMessage[]) => string,
  messages: readonly ChatMessage[],
  mark: Mark,
): Marked | undefined => {
  const marks = unusedCharacters(messages.map(({ content }) => content).join(''))
  const marked = messages.map((message, index) => ({
    ...message,
    content: mark(message.content, index, marks),
  }))
  try {
    return takeMarksOut(render(marked), marks)
  } catch {
    // a template may refuse what it does not know; rendering without marks has succeeded
    return undefined
  }
}

/** Two characters of Unicode's private use area that the contents do not have. */
const unusedCharacters = (contents: string): Marks => {
  const unused: string[] = []
  for (let code = 0xe000; unused.length < 2 && code <= 0xf8ff; code++) {
    const character = String.fromCharCode(code)
    if (!contents.includes(character)) unused.push(character)
  }
  const [open, close] = unused
  if (open === undefined || close === undefined)
    throw datasetMalformed(
      'a conversation uses every character of the private use area; leave one out',
    )
  return { open, close }
}

type Marked = { readonly text: string; readonly spans: readonly Span[] }

const takeMarksOut = (marked: string, { open, close }: Marks): Marked => {
  const spans: Span[] = []
  const openings = new Map<number, number>()
  let text = ''
  let end = 0
  const pattern = new RegExp(`${open}(\\d+)${close}|${close}(\\d+)${open}`, 'gu')
  for (const { 0: found, 1: opens, 2: closes, index: at } of marked.matchAll(pattern)) {
    text += marked.slice(end, at)
    end = at + found.length
    if (opens !== undefined) openings.set(Number(opens), text.length)
    const start = openings.get(Number(closes))
    if (start !== undefined) {
      spans.push({ index: Number(closes), start, end: text.length })
      openings.delete(Number(closes))
    }
  }
  return { text: text + marked.slice(end), spans }
}
