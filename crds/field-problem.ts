/** What is wrong with one field; the reasons are those that the API server gives in `details.causes`, and three of ours. */
import type { Part } from './manifest-text.ts'
import type { FieldPath } from './schema-node.ts'

export type ProblemReason =
  | 'FieldValueDuplicate'
  | 'FieldValueInvalid'
  | 'FieldValueNotSupported'
  | 'FieldValueRequired'
  | 'FieldValueTooLong'
  | 'FieldValueTooMany'
  | 'FieldValueTypeInvalid'
  | 'UnknownField'
  | 'UnknownKind'
  | 'YamlSyntax'

export type FieldProblem = {
  readonly path: FieldPath
  /** where to point: at the name of the field, or at what was given for it */
  readonly part: Part
  readonly message: string
  readonly reason: ProblemReason
}

const SHOWN = 80

/** A value in a message, on one line and cut. */
export const shown = (value: unknown): string => {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > SHOWN ? `${text.slice(0, SHOWN - 1)}…` : text
}

/** `a, b or c` */
export const listed = (items: readonly string[], word = 'or'): string =>
  items.length < 2 ? (items[0] ?? '') : `${items.slice(0, -1).join(', ')} ${word} ${items.at(-1)}`
