/** Where a text stops being JSON (RFC 8259): V8 tells it in some of its messages only. */

/** `value`: one is needed; `first` and `key` also allow the end of a list, of an object. */
type Expected = 'value' | 'first' | 'key' | 'nextKey' | 'colon' | 'after' | 'end'
type State = { readonly expected: Expected; readonly at: number } | { readonly fault: number }

const SPACE = /[ \t\n\r]*/y
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.+-])/y
const WORD = /(?:true|false|null)(?!\w)/y
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y

const matchedUpTo = (pattern: RegExp, text: string, at: number): number | undefined => {
  pattern.lastIndex = at
  return pattern.test(text) ? pattern.lastIndex : undefined
}

/** Character by character: a pattern over a text of megabytes would need a stack of its size. */
const afterString = (text: string, start: number): State => {
  for (let at = start + 1; at < text.length; ) {
    const code = text.charCodeAt(at)
    if (code === 0x22) return { expected: 'after', at: at + 1 }
    if (code < 0x20) return { fault: at }
    const next = code === 0x5c ? matchedUpTo(ESCAPE, text, at) : at + 1
    if (next === undefined) return { fault: at }
    at = next
  }
  return { fault: text.length }
}

const afterScalar = (text: string, at: number): State => {
  if (text[at] === '"') return afterString(text, at)
  const end = matchedUpTo(NUMBER, text, at) ?? matchedUpTo(WORD, text, at)
  return end === undefined ? { fault: at } : { expected: 'after', at: end }
}

/** @param open brackets that are open, the innermost last; changed */
const closed = (open: string[], at: number): State => {
  open.pop()
  return { expected: 'after', at: at + 1 }
}

const startOfValue = (text: string, at: number, open: string[]): State => {
  const character = text[at] ?? ''
  if (character !== '[' && character !== '{') return afterScalar(text, at)
  open.push(character)
  return { expected: character === '[' ? 'first' : 'key', at: at + 1 }
}

const afterValue = (character: string, at: number, open: string[]): State => {
  const inner = open.at(-1)
  if (character === (inner === '[' ? ']' : '}')) return closed(open, at)
  if (character !== ',') return { fault: at }
  return { expected: inner === '[' ? 'value' : 'nextKey', at: at + 1 }
}

const key = (text: string, at: number): State => {
  if (text[at] !== '"') return { fault: at }
  const end = afterString(text, at)
  return 'fault' in end ? end : { ...end, expected: 'colon' }
}

const step = (text: string, expected: Expected, at: number, open: string[]): State => {
  const character = text[at] ?? ''
  switch (expected) {
    case 'value':
      return startOfValue(text, at, open)
    case 'first':
      return character === ']' ? closed(open, at) : startOfValue(text, at, open)
    case 'key':
      return character === '}' ? closed(open, at) : key(text, at)
    case 'nextKey':
      return key(text, at)
    case 'colon':
      return character === ':' ? { expected: 'value', at: at + 1 } : { fault: at }
    case 'after':
      return afterValue(character, at, open)
    case 'end':
      return { fault: at }
  }
}

/** @returns position of the first character that fits nowhere, the text's length where it is cut short, undefined of JSON */
export const jsonFault = (text: string): number | undefined => {
  const open: string[] = []
  let state: State = { expected: 'value', at: 0 }
  for (;;) {
    if ('fault' in state) return state.fault
    const at: number = matchedUpTo(SPACE, text, state.at) ?? state.at
    const expected: Expected =
      state.expected === 'after' && open.length === 0 ? 'end' : state.expected
    if (at === text.length) return expected === 'end' ? undefined : at
    state = step(text, expected, at, open)
  }
}
