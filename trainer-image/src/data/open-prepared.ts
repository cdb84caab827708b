/** Opens what `writePrepared` wrote. The workspace is shared storage, so nothing in it is believed unchecked. */
import { closeSync, openSync, readSync } from 'node:fs'
import { open, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { datasetMalformed } from '../stage-error.ts'
import type { GenerationExample, PreparedDataset, Row, RowSet } from './prepared.ts'
import {
  BYTES_PER_TOKEN,
  EXAMPLES_FILE,
  encodeHeader,
  FLAG_DOCUMENT_START,
  FLAG_LOSS,
  fromLittleEndian,
  HEADER_BYTES,
  INDEX_FILE,
  MAX_EXAMPLES,
  MAX_ROWS,
  MAX_SEQUENCE_LENGTH,
  type PreparedIndex,
  rowsFile,
  type SetIndex,
  type SetName,
  VERSION,
} from './prepared-format.ts'
import { readLines } from './read-lines.ts'

const INDEX_MAX_BYTES = 2 ** 16
const EXAMPLE_MAX_BYTES = 64 * 2 ** 20

const damaged = (path: string, what: string, cause?: unknown) =>
  datasetMalformed(`prepared dataset ${path}: ${what}; remove its folder to prepare it again`, {
    cause,
  })

const isCount = (value: unknown, max: number): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= max

const isSet = (set: Partial<SetIndex> | undefined, sequenceLength: number): boolean =>
  isCount(set?.rows, MAX_ROWS) &&
  isCount(set?.tokens, set.rows * sequenceLength) &&
  isCount(set?.targets, set.tokens)

const readIndex = async (folder: string): Promise<PreparedIndex> => {
  const path = join(folder, INDEX_FILE)
  const { size } = await stat(path).catch(cause => {
    throw damaged(path, 'missing', cause)
  })
  if (size > INDEX_MAX_BYTES) throw damaged(path, `${size} bytes, expected a few hundred`)
  const index = await readFile(path, 'utf8')
    .then(text => JSON.parse(text) as Partial<PreparedIndex> | null)
    .catch(cause => {
      throw damaged(path, 'not JSON', cause)
    })
  if (index?.version !== VERSION)
    throw damaged(path, `version ${index?.version}, this code reads ${VERSION}`)
  const valid =
    isCount(index.sequenceLength, MAX_SEQUENCE_LENGTH) &&
    isCount(index.vocabularySize, 2 ** 31) &&
    isSet(index.train, index.sequenceLength) &&
    isSet(index.validation, index.sequenceLength) &&
    isCount(index.examples?.count, MAX_EXAMPLES)
  if (!valid) throw damaged(path, 'figures are missing or out of bounds')
  return index as PreparedIndex
}

/** @returns (rows + 1) tokens before each row, and in all */
const readRowStarts = async (
  path: string,
  figures: SetIndex,
  sequenceLength: number,
): Promise<Float64Array> => {
  const file = await open(path, 'r').catch(cause => {
    throw damaged(path, 'missing', cause)
  })
  try {
    const expected = HEADER_BYTES + 4 * figures.rows + BYTES_PER_TOKEN * figures.tokens
    const { size } = await file.stat()
    if (size !== expected) throw damaged(path, `${size} bytes, its index says ${expected}`)
    const bytes = Buffer.alloc(HEADER_BYTES + 4 * figures.rows)
    await file.read(bytes, 0, bytes.length, 0)
    if (!bytes.subarray(0, HEADER_BYTES).equals(encodeHeader(sequenceLength, figures)))
      throw damaged(path, 'its header differs from the index')
    const lengths = new Uint32Array(fromLittleEndian(bytes.subarray(HEADER_BYTES)))
    const starts = new Float64Array(figures.rows + 1)
    lengths.forEach((length, row) => {
      if (length < 1 || length > sequenceLength)
        throw damaged(path, `row ${row} has ${length} tokens, T is ${sequenceLength}`)
      starts[row + 1] = (starts[row] ?? 0) + length
    })
    if (starts[figures.rows] !== figures.tokens)
      throw damaged(
        path,
        `its rows have ${starts[figures.rows]} tokens, its index says ${figures.tokens}`,
      )
    return starts
  } finally {
    await file.close()
  }
}

/** Opened for each row: rows are few per second, and an open file would outlive the dataset. */
const readAt = (path: string, position: number, length: number): Buffer => {
  const bytes = Buffer.alloc(length)
  const file = openSync(path, 'r')
  try {
    if (readSync(file, bytes, 0, length, position) !== length) throw damaged(path, 'cut short')
    return bytes
  } finally {
    closeSync(file)
  }
}

const decodeRow = (
  bytes: Buffer,
  { sequenceLength, vocabularySize }: PreparedIndex,
  complain: (what: string) => Error,
): Row => {
  const length = bytes.length / BYTES_PER_TOKEN
  const tokens = new Int32Array(sequenceLength)
  const positions = new Int32Array(sequenceLength)
  const segments = new Int32Array(sequenceLength)
  const loss = new Uint8Array(sequenceLength)
  tokens.set(new Int32Array(fromLittleEndian(bytes.subarray(0, 4 * length))))
  let segment = 0
  let position = 0
  for (let t = 0; t < length; t++) {
    const token = tokens[t] ?? 0
    const flags = bytes[4 * length + t] ?? 0
    if (token < 0 || token >= vocabularySize)
      throw complain(`token ${token}, the vocabulary has ${vocabularySize}`)
    if (flags > FLAG_DOCUMENT_START || (t === 0 && flags !== FLAG_DOCUMENT_START))
      throw complain(`flags ${flags} at ${t}`)
    if (flags === FLAG_DOCUMENT_START) {
      segment += 1
      position = 0
    }
    segments[t] = segment
    positions[t] = position++
    loss[t] = flags === FLAG_LOSS ? 1 : 0
  }
  return { tokens, positions, segments, loss }
}

const openSet = async (folder: string, name: SetName, index: PreparedIndex): Promise<RowSet> => {
  const path = join(folder, rowsFile(name))
  const figures = index[name]
  const starts = await readRowStarts(path, figures, index.sequenceLength)
  const data = HEADER_BYTES + 4 * figures.rows
  return Object.freeze({
    count: figures.rows,
    tokens: figures.tokens,
    targets: figures.targets,
    row(number: number): Row {
      const start = starts[number]
      const end = starts[number + 1]
      if (start === undefined || end === undefined)
        throw new RangeError(`row ${number} of ${figures.rows}`)
      const bytes = readAt(path, data + BYTES_PER_TOKEN * start, BYTES_PER_TOKEN * (end - start))
      return decodeRow(bytes, index, what => damaged(path, `row ${number} has ${what}`))
    },
  })
}

const isExample = (
  value: unknown,
  vocabularySize: number,
): value is Omit<GenerationExample, 'promptTokens'> & { readonly promptTokens: number[] } => {
  if (typeof value !== 'object' || value === null) return false
  const { id, prompt, reference, slice, promptTokens } = value as Record<string, unknown>
  return (
    [id, prompt, reference, slice].every(field => typeof field === 'string') &&
    Array.isArray(promptTokens) &&
    promptTokens.length > 0 &&
    promptTokens.every(token => isCount(token, vocabularySize - 1))
  )
}

const readExamples = async (
  folder: string,
  { examples: { count }, vocabularySize }: PreparedIndex,
): Promise<readonly GenerationExample[]> => {
  const path = join(folder, EXAMPLES_FILE)
  const examples: GenerationExample[] = []
  await stat(path).catch(cause => {
    throw damaged(path, 'missing', cause)
  })
  for await (const { number, text } of readLines(path, path, EXAMPLE_MAX_BYTES)) {
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch (cause) {
      throw damaged(path, `line ${number} is not JSON`, cause)
    }
    if (!isExample(value, vocabularySize) || examples.length >= count)
      throw damaged(path, `line ${number} is not one of its ${count} examples`)
    examples.push(Object.freeze({ ...value, promptTokens: Int32Array.from(value.promptTokens) }))
  }
  if (examples.length !== count)
    throw damaged(path, `${examples.length} examples, its index says ${count}`)
  return Object.freeze(examples)
}

/** @param folder `<workspace>/prepare/<key>/dataset` */
export const openPrepared = async (folder: string): Promise<PreparedDataset> => {
  const index = await readIndex(folder)
  return Object.freeze({
    sequenceLength: index.sequenceLength,
    train: await openSet(folder, 'train', index),
    validation: await openSet(folder, 'validation', index),
    examples: await readExamples(folder, index),
  })
}
