/** JSON values of a data file, each with its place: .jsonl by lines, .json as one array. */
import { readFile, stat } from 'node:fs/promises'
import { datasetMalformed } from '../stage-error.ts'
import { jsonFault } from './json-fault.ts'
import { cut, malformed, type Origin } from './malformed.ts'
import { readLines } from './read-lines.ts'

/** A .json array is parsed whole, so its size is bounded; .jsonl is not. */
export const JSON_MAX_BYTES = 256 * 2 ** 20

export type DataFile = {
  readonly path: string
  /** the source's uri, for messages */
  readonly name: string
}

export type JsonRecord = {
  readonly value: unknown
  readonly origin: Origin
  /** share of the file that is read, 0…1 */
  readonly fraction: number
}

const parseLine = (text: string, origin: Origin): unknown => {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw malformed(origin, 'not JSON', text.trim(), { cause })
  }
}

async function* readJsonLines(file: DataFile): AsyncGenerator<JsonRecord> {
  const { size } = await stat(file.path)
  for await (const { number, text, bytesRead } of readLines(file.path, file.name)) {
    if (text.trim() === '') continue
    const origin: Origin = { file: file.name, unit: 'line', number }
    yield { value: parseLine(text, origin), origin, fraction: Math.min(1, bytesRead / size) }
  }
}

/** Before the fault in a line that is longer than what is shown of it. */
const SHOWN_BEFORE = 100

/** Of a text that is cut short the last line that says something. */
const placeOf = (text: string) => {
  const position = Math.min(jsonFault(text) ?? text.length, text.trimEnd().length)
  const lineStart = text.lastIndexOf('\n', position - 1) + 1
  const line = text.slice(0, lineStart).split('\n').length
  const from = Math.max(lineStart, position - SHOWN_BEFORE)
  const [rest = ''] = text.slice(from).split('\n', 1)
  return { line, offending: `${from > lineStart ? '…' : ''}${cut(rest.trim())}` }
}

const parseArray = (text: string, name: string): unknown => {
  try {
    return JSON.parse(text)
  } catch (cause) {
    const { line, offending } = placeOf(text)
    throw datasetMalformed(`${name} line ${line}: not JSON: ${offending}`, { cause })
  }
}

const readText = async ({ path, name }: DataFile, maxBytes: number): Promise<string> => {
  const bytes = await readFile(path)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    // which names the line
    for await (const _ of readLines(path, name, maxBytes));
    throw datasetMalformed(`${name}: not UTF-8; save the file as UTF-8`, { cause })
  }
}

async function* readJsonArray(file: DataFile, maxBytes: number): AsyncGenerator<JsonRecord> {
  const { size } = await stat(file.path)
  if (size > maxBytes) {
    throw datasetMalformed(
      `${file.name}: ${size} bytes, at most ${maxBytes} are read of a .json file; write it as .jsonl, one example per line`,
    )
  }
  const text = await readText(file, maxBytes)
  if (text.trim() === '') return
  const values = parseArray(text, file.name)
  if (!Array.isArray(values)) {
    throw datasetMalformed(
      `${file.name}: a .json file must be an array of examples, this starts with ${cut(text.trimStart())}`,
    )
  }
  for (const [index, value] of values.entries()) {
    const origin: Origin = { file: file.name, unit: 'example', number: index + 1 }
    yield { value, origin, fraction: (index + 1) / values.length }
  }
}

/** Names may carry a query (`https://…/train.jsonl?download=true`) or a revision. */
const extension = (name: string): string =>
  /\.([a-z]+)$/i.exec(name.replace(/[?#].*$/, ''))?.[1]?.toLowerCase() ?? ''

export const readRecords = (
  file: DataFile,
  jsonMaxBytes = JSON_MAX_BYTES,
): AsyncGenerator<JsonRecord> => {
  const kind = extension(file.name)
  if (kind === 'jsonl') return readJsonLines(file)
  if (kind === 'json') return readJsonArray(file, jsonMaxBytes)
  throw datasetMalformed(`${file.name}: data files end in .jsonl or .json`)
}
