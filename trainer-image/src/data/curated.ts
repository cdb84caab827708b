/**
 * A curated dataset: `train.jsonl` and `validation.jsonl` with each example once, and `dataset.json`, which says
 * what is put before them, what of them is learned, and where they came from.
 */
import { createHash } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { canonicalJson } from '@attune/crds/canonical-json.ts'
import type { CuratedContent, ResolvedDataset } from '@attune/crds/resolved-spec.ts'
import { writeFileAtomically } from '../atomic-file.ts'
import { fetchDataFile } from '../source/fetch-data-file.ts'
import { datasetMalformed, sourceNotFound } from '../stage-error.ts'
import { readJsonObject } from '../weights/read-json.ts'
import type { Conversation } from './conversation.ts'
import { areDataRecords, type DataRecords, type FetchContext } from './fetch-sources.ts'
import { createLineWriter } from './line-writer.ts'
import type { SourceFile } from './read-examples.ts'
import type { Side } from './slices.ts'

const DATASET_FILE = 'dataset.json'
const DATASET_MAX_BYTES = 2 ** 21
const CATEGORY = 'category'
const filesOf: Readonly<Record<Side, string>> = {
  train: 'train.jsonl',
  validation: 'validation.jsonl',
}

/** What shapes the rows beside the examples themselves. */
export type Prompting = Pick<ResolvedDataset, 'systemPrompt' | 'chatTemplate' | 'lossOn'>

/** As the format `Curated` reads it. */
const lineOf = ({ messages, promptLength, slice }: Conversation): string =>
  JSON.stringify(
    promptLength === 0
      ? { messages, [CATEGORY]: slice }
      : {
          prompt: messages.slice(0, promptLength),
          completion: messages.slice(promptLength),
          [CATEGORY]: slice,
        },
  )

/** sha256 over both files and what shapes the rows beside them. */
const contentHashOf = (
  files: Readonly<Record<Side, string>>,
  { systemPrompt, chatTemplate, lossOn }: Prompting,
): string =>
  createHash('sha256')
    .update(canonicalJson({ files, systemPrompt, chatTemplate, lossOn }))
    .digest('hex')

/** @param folder made anew by the caller */
export const createCuratedWriter = async (folder: string) => {
  await mkdir(folder, { recursive: true })
  const files = {
    train: await createLineWriter(join(folder, filesOf.train)),
    validation: await createLineWriter(join(folder, filesOf.validation)),
  }
  return {
    add: (side: Side, conversation: Conversation) => files[side].write(lineOf(conversation)),
    /** @returns the hash of the content */
    async finish(prompting: Prompting, sources: DataRecords): Promise<string> {
      const digests = {
        train: await files.train.finish(),
        validation: await files.validation.finish(),
      }
      const contentHash = contentHashOf(digests, prompting)
      const { systemPrompt, chatTemplate, lossOn } = prompting
      const about = { contentHash, systemPrompt, chatTemplate, lossOn, sources }
      await writeFileAtomically(join(folder, DATASET_FILE), `${JSON.stringify(about, null, 2)}\n`)
      return contentHash
    },
    async close() {
      await files.train.close()
      await files.validation.close()
    },
  }
}

/** @returns undefined where it is not there, or damaged */
const readAbout = (path: string) => readJsonObject(path, DATASET_MAX_BYTES).catch(() => undefined)

/** What the curated dataset in this folder was made of; undefined where it is not that content. */
export const readCuratedRecords = async (
  folder: string,
  contentHash: string,
): Promise<DataRecords | undefined> => {
  const about = await readAbout(join(folder, DATASET_FILE))
  const sources = about?.['sources']
  return about?.['contentHash'] === contentHash && areDataRecords(sources) ? sources : undefined
}

const fileAt = (uri: string, name: string) => `${uri}/${name}`

const isText = (value: unknown): value is string | undefined =>
  value === undefined || typeof value === 'string'

const readPrompting = (about: Readonly<Record<string, unknown>>, uri: string): Prompting => {
  const { systemPrompt, chatTemplate, lossOn } = about
  if (!isText(systemPrompt) || !isText(chatTemplate) || (lossOn !== 'Response' && lossOn !== 'All'))
    throw datasetMalformed(
      `${uri}: not what Curate writes; delete the InstructionDataset and apply it again`,
    )
  return {
    lossOn,
    ...(systemPrompt === undefined ? {} : { systemPrompt }),
    ...(chatTemplate === undefined ? {} : { chatTemplate }),
  }
}

/** The dataset of a job, with the files of the curated one as its sources. */
export type CuratedDataset = Omit<ResolvedDataset, 'sources' | 'validation'> & {
  readonly sources: readonly { readonly uri: string; readonly format: SourceFile['format'] }[]
  readonly validation: { readonly sources: CuratedDataset['sources'] }
}

/** @param dataset of the job, whose own fields all hold their defaults */
export const openCurated = async (
  dataset: ResolvedDataset,
  { uri, contentHash }: CuratedContent,
  { pvcRoot, fileRoot, environment, signal }: FetchContext,
): Promise<CuratedDataset> => {
  const options = { pvcRoot, fileRoot, environment, signal, destination: fileRoot }
  const { path } = await fetchDataFile(fileAt(uri, DATASET_FILE), options)
  const about = await readAbout(path)
  if (about?.['contentHash'] !== contentHash)
    throw sourceNotFound(
      `${uri} holds other content than ${contentHash}, with which this run started; change the job's spec to start a run on the new content`,
    )
  const source = (side: Side) => ({ uri: fileAt(uri, filesOf[side]), format: 'Curated' as const })
  return {
    ...dataset,
    ...readPrompting(about, fileAt(uri, DATASET_FILE)),
    sources: [source('train')],
    validation: { sources: [source('validation')] },
    categoryColumn: CATEGORY,
  }
}
