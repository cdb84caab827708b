/** Markdown and YAML in which text from outside stays text. */
import { printable } from '@attune/crds/printable.ts'

const TEXT_MAX = 300

/** Marks that reorder or hide text: what is read must be what is written. */
const INVISIBLE = /[\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g

const oneLine = (text: string): string => {
  const line = printable(text).replace(/\s+/g, ' ').replace(INVISIBLE, '\ufffd').trim()
  return line.length > TEXT_MAX ? `${line.slice(0, TEXT_MAX - 1)}…`.toWellFormed() : line
}

/** Every ASCII punctuation mark may stand behind a backslash (CommonMark, "Backslash escapes"); HTML may not. */
export const plain = (text: string): string =>
  oneLine(text)
    .replace(/[\\`*_{}[\]()#+\-.!|~:=$^@/"']/g, mark => `\\${mark}`)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')

/** A code span: its fence is longer than any run of backticks within. */
export const code = (text: string): string => {
  const line = oneLine(text).replaceAll('|', '\u2502')
  const longest = Math.max(0, ...(line.match(/`+/g) ?? []).map(run => run.length))
  const fence = '`'.repeat(longest + 1)
  return longest > 0 ? `${fence} ${line} ${fence}` : `${fence}${line}${fence}`
}

/** @param cells markdown already */
export const table = (rows: readonly (readonly string[])[]): string => {
  const [head = [], ...rest] = rows
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rest.map(line)].join('\n')
}

export const list = (items: readonly string[]): string => items.map(item => `- ${item}`).join('\n')

type Yaml = string | number | readonly string[]

/** JSON's strings are YAML's. */
export const frontMatter = (fields: Readonly<Record<string, Yaml | undefined>>): string => {
  const entries = Object.entries(fields).flatMap(([key, value]) => {
    if (value === undefined) return []
    if (Array.isArray(value))
      return [`${key}:`, ...value.map(item => `- ${JSON.stringify(oneLine(item))}`)]
    return [`${key}: ${typeof value === 'string' ? JSON.stringify(oneLine(value)) : value}`]
  })
  return ['---', ...entries, '---'].join('\n')
}
