/** Reads every example once: parsed, told from its duplicates, given a side, tokenized, spooled. */
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { ResolvedDataset } from '@attune/crds/resolved-spec.ts'
import { datasetMalformed, modelMalformed, StageError } from '../stage-error.ts'
import { createBoundedExamples } from './bounded-examples.ts'
import { type Conversation, contentHash, withSystemPrompt } from './conversation.ts'
import { type Document, type Renderer, toDocument, toQuestion } from './document.ts'
import { createDocumentSpool } from './document-spool.ts'
import { detectFormat, type Format, parseExample } from './format.ts'
import { at, type Origin } from './malformed.ts'
import { type DataCounts, DEFAULT_FRACTION } from './quality.ts'
import { type DataFile, readRecords } from './read-records.ts'
import { createSliceCounter, type Side } from './slices.ts'
import { isHeldOut } from './split.ts'

/** A JavaScript Set holds 2 ** 24 entries; half of that is some 800 MB of hashes. */
const MAX_DOCUMENTS = 2 ** 23
/** 128 bits: a collision among that many examples is out of the question. */
const HASH_DIGITS = 32
const YIELD_EVERY = 64

export type SourceFile = DataFile & { readonly format: Format | 'Auto' }

export type IngestOptions = {
  readonly train: readonly SourceFile[]
  /** files to validate on; absent: a fraction of the training files */
  readonly validation?: readonly SourceFile[] | undefined
  readonly dataset: ResolvedDataset
  readonly sequenceLength: number
  readonly vocabularySize: number
  readonly renderer: Renderer
  /** folder for the spools; the caller removes it */
  readonly scratch: string
  readonly signal: AbortSignal
  /** share of the files that is read, 0…1 */
  readonly onProgress: (fraction: number) => void
}

export type Ingested = Awaited<ReturnType<typeof ingest>>

const checkVocabulary = ({ tokens }: Document, vocabularySize: number) => {
  const largest = tokens.reduce((max, token) => Math.max(max, token), 0)
  if (largest < vocabularySize) return
  throw modelMalformed(
    `the tokenizer gives token ${largest}, the model's embedding has ${vocabularySize} rows; tokenizer and model do not belong together`,
  )
}

const openState = async (scratch: string) => ({
  seen: new Set<string>(),
  slices: createSliceCounter(),
  questions: createBoundedExamples(),
  counts: {
    read: 0,
    train: 0,
    validation: 0,
    duplicates: 0,
    truncated: 0,
    tooLong: 0,
    untrained: 0,
  },
  train: await createDocumentSpool(join(scratch, 'train.spool')),
  validation: await createDocumentSpool(join(scratch, 'validation.spool')),
})
type State = Awaited<ReturnType<typeof openState>>

const keep = async (
  conversation: Conversation,
  hash: string,
  side: Side,
  state: State,
  options: IngestOptions,
): Promise<void> => {
  const { renderer, sequenceLength, vocabularySize, dataset } = options
  const { counts } = state
  const whole = withSystemPrompt(conversation, dataset.systemPrompt)
  const fitted = toDocument(whole, renderer, { sequenceLength, lossOn: dataset.lossOn })
  if (fitted.outcome !== 'kept') {
    counts[fitted.outcome] += 1
    return
  }
  checkVocabulary(fitted.document, vocabularySize)
  if (fitted.truncated) counts.truncated += 1
  counts[side] += 1
  state.slices.add(side, conversation.slice)
  await state[side].append(fitted.document)
  if (side === 'validation') {
    const question = toQuestion(whole, renderer, { sequenceLength })
    state.questions.add({ id: hash.slice(0, HASH_DIGITS), slice: conversation.slice, ...question })
  }
}

/** A chat template that refuses a conversation does not know where it stood. */
const located = (origin: Origin) => (error: unknown) => {
  if (error instanceof StageError && error.reason === 'DatasetMalformed')
    throw datasetMalformed(`${at(origin)}: ${error.message}`, { cause: error })
  throw error
}

/** @returns the example's hash, or undefined if its content was seen before */
const firstSight = (conversation: Conversation, { seen, counts }: State): string | undefined => {
  const hash = contentHash(conversation)
  const short = hash.slice(0, HASH_DIGITS)
  if (seen.has(short)) {
    counts.duplicates += 1
    return undefined
  }
  seen.add(short)
  return hash
}

const readFile = async (
  file: SourceFile,
  sideOf: (hash: string) => Side,
  state: State,
  options: IngestOptions,
  onFraction: (fraction: number) => void,
): Promise<void> => {
  const { columns = {}, categoryColumn } = options.dataset
  let format = file.format === 'Auto' ? undefined : file.format
  let examples = 0
  for await (const { value, origin, fraction } of readRecords(file)) {
    format ??= detectFormat(value, columns, origin)
    const conversation = parseExample(value, { format, columns, categoryColumn }, origin)
    examples += 1
    state.counts.read += 1
    if (state.counts.read > MAX_DOCUMENTS)
      throw datasetMalformed(`${file.name}: more than ${MAX_DOCUMENTS} examples in all files`)
    const hash = firstSight(conversation, state)
    if (hash !== undefined)
      await keep(conversation, hash, sideOf(hash), state, options).catch(located(origin))
    if (examples % YIELD_EVERY !== 1) continue
    // lets /progress and SIGTERM be answered between examples
    await setImmediate()
    options.signal.throwIfAborted()
    onFraction(fraction)
  }
  if (examples === 0) throw datasetMalformed(`${file.name}: no examples`)
}

/** Validation files come first, so that an example that is in both stays out of the training data. */
const inOrder = ({ train, validation, dataset }: IngestOptions) => {
  const fraction = dataset.validation.fraction ?? DEFAULT_FRACTION
  const bySource = (side: Side) => (): Side => side
  const byHash = (hash: string): Side => (isHeldOut(hash, fraction) ? 'validation' : 'train')
  return [
    ...(validation ?? []).map(file => ({ file, sideOf: bySource('validation') })),
    ...train.map(file => ({ file, sideOf: validation ? bySource('train') : byHash })),
  ]
}

export const ingest = async (options: IngestOptions) => {
  const state = await openState(options.scratch)
  const close = async () => {
    await state.train.close()
    await state.validation.close()
  }
  try {
    const files = inOrder(options)
    for (const [index, { file, sideOf }] of files.entries()) {
      await readFile(file, sideOf, state, options, fraction =>
        options.onProgress((index + fraction) / files.length),
      )
    }
  } catch (error) {
    await close()
    throw error
  }
  const nameOf = state.slices.naming()
  return {
    counts: state.counts as DataCounts,
    slices: state.slices,
    train: state.train,
    validation: state.validation,
    examples: state.questions
      .take()
      .map(example => Object.freeze({ ...example, slice: nameOf(example.slice) })),
    close,
  }
}
