/** Errors of a manifest for people: `file:line:column: field: reason`, and the line with a caret below. */
import { printable } from '@attune/crds/printable.ts'
import type { ManifestError } from '@attune/crds/validate.ts'

const MAX_LINE = 160

/** Keeps the caret's place in view on a long line; tabs become one blank, so that the caret stays below. */
const excerpt = (line: string, column: number) => {
  const start = column > MAX_LINE ? column - MAX_LINE / 2 : 0
  const text = line.slice(start, start + MAX_LINE).replaceAll('\t', ' ')
  return { text, caret: column - 1 - start }
}

const formatOne = (file: string, lines: readonly string[], error: ManifestError): string => {
  const field = error.path ? `${error.path}: ` : ''
  // line 0: of the file as a whole
  const place = error.line === 0 ? file : `${file}:${error.line}:${error.column}`
  const head = `${place}: ${field}${error.message}`
  const line = lines[error.line - 1]
  if (!line?.trim()) return `${head}\n`
  const { text, caret } = excerpt(line, error.column)
  const number = String(error.line)
  return `${head}\n  ${number} | ${text}\n  ${' '.repeat(number.length)} | ${' '.repeat(caret)}^\n`
}

export const formatManifestErrors = (
  file: string,
  text: string,
  errors: readonly ManifestError[],
): string => {
  const lines = text.split(/\r?\n/)
  return printable(errors.map(error => formatOne(file, lines, error)).join(''))
}
