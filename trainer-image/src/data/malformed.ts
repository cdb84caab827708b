/** What is said of a broken example: file, line, what is wrong, and the offending text cut short. */
import { datasetMalformed, type StageError } from '../stage-error.ts'

/** Where an example stands, as its owner would look it up. */
export type Origin = {
  /** the source's uri as the spec has it */
  readonly file: string
  /** `line` in .jsonl, `example` in a .json array; both count from 1 */
  readonly unit: 'line' | 'example'
  readonly number: number
}

const QUOTED_CHARACTERS = 200

export const cut = (text: string): string =>
  text.length > QUOTED_CHARACTERS ? `${text.slice(0, QUOTED_CHARACTERS).toWellFormed()}…` : text

export const at = ({ file, unit, number }: Origin): string => `${file} ${unit} ${number}`

/** @param value the offending text, or the offending part of the example */
export const malformed = (
  origin: Origin,
  problem: string,
  value: unknown,
  options?: ErrorOptions,
): StageError =>
  datasetMalformed(
    `${at(origin)}: ${problem}: ${cut(typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing'))}`,
    options,
  )
