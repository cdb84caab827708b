/** Tokenizes every example once and spools it. */
import { join } from 'node:path'
import type { ResolvedDataset } from '@attune/crds/resolved-spec.ts'
import { datasetMalformed, modelMalformed, StageError } from '../stage-error.ts'
import { createBoundedExamples } from './bounded-examples.ts'
import { withSystemPrompt } from './conversation.ts'
import { type Document, type Renderer, toDocument, toQuestion } from './document.ts'
import { createDocumentSpool } from './document-spool.ts'
import { at, type Origin } from './malformed.ts'
import type { DataCounts } from './quality.ts'
import { type Example, type ReadOptions, readExamples } from './read-examples.ts'
import { createSliceCounter } from './slices.ts'

export type IngestOptions = ReadOptions & {
  readonly dataset: Pick<ResolvedDataset, 'systemPrompt' | 'lossOn' | 'quality'>
  readonly sequenceLength: number
  readonly vocabularySize: number
  readonly renderer: Renderer
  /** folder for the spools; the caller removes it */
  readonly scratch: string
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
  { conversation, id, side }: Example,
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
    state.questions.add({ id, slice: conversation.slice, ...question })
  }
}

/** A chat template that refuses a conversation does not know where it stood. */
const located = (origin: Origin) => (error: unknown) => {
  if (error instanceof StageError && error.reason === 'DatasetMalformed')
    throw datasetMalformed(`${at(origin)}: ${error.message}`, { cause: error })
  throw error
}

export const ingest = async (options: IngestOptions) => {
  const state = await openState(options.scratch)
  const close = async () => {
    await state.train.close()
    await state.validation.close()
  }
  try {
    const { read, duplicates } = await readExamples(options, example =>
      keep(example, state, options).catch(located(example.origin)),
    )
    Object.assign(state.counts, { read, duplicates })
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
