/** From data files to a prepared dataset in `folder`, with its summary and its report. */
import { mkdir, rm } from 'node:fs/promises'
import type { DatasetSummary } from '@attune/crds/stage.ts'
import { type DataReport, describeLengths, fullness, sampleRows } from './data-report.ts'
import type { DocumentSpool } from './document-spool.ts'
import { type Ingested, type IngestOptions, ingest } from './ingest.ts'
import { openPrepared } from './open-prepared.ts'
import { oneEach, packBestFit } from './pack.ts'
import type { PreparedDataset } from './prepared.ts'
import { checkQuality } from './quality.ts'
import { writePrepared } from './write-prepared.ts'

/** Slices in the summary that goes to status. */
const SUMMARY_SLICES = 20

export type BuildOptions = Omit<IngestOptions, 'onProgress'> & {
  readonly packing: boolean
  readonly onProgress: (activity: string, fraction: number) => void
}

export type BuiltDataset = {
  readonly summary: DatasetSummary
  readonly report: DataReport
  readonly dataset: PreparedDataset
  /** sha256 over what was written */
  readonly digest: string
}

/** Tokenizing takes most of the time. */
const READING_SHARE = 0.9

const summarize = (dataset: PreparedDataset, { counts, slices }: Ingested): DatasetSummary => ({
  trainExamples: counts.train,
  validationExamples: counts.validation,
  trainTokens: dataset.train.tokens,
  responseTokens: dataset.train.targets,
  rows: dataset.train.count,
  rowFullness: fullness(dataset.train, dataset.sequenceLength),
  duplicates: counts.duplicates,
  truncated: counts.truncated,
  dropped: counts.tooLong + counts.untrained,
  slices: slices.counts('train', SUMMARY_SLICES),
})

const describe = (
  dataset: PreparedDataset,
  { counts, slices, train }: Ingested,
  options: BuildOptions,
): DataReport => ({
  counts,
  exampleTokens: describeLengths(train.lengths()),
  responseTokens: describeLengths(train.targets()),
  rows: {
    count: dataset.train.count,
    sequenceLength: dataset.sequenceLength,
    fullness: fullness(dataset.train, dataset.sequenceLength),
  },
  slices: { train: slices.counts('train'), validation: slices.counts('validation') },
  samples: sampleRows(dataset, options.renderer.decode),
})

const pack = async (folder: string, data: Ingested, options: BuildOptions): Promise<string> => {
  const { sequenceLength, vocabularySize, packing, signal, onProgress } = options
  const packed = (spool: DocumentSpool) => ({
    spool,
    packing: packing ? packBestFit(spool.lengths(), sequenceLength) : oneEach(spool.lengths()),
  })
  onProgress('packing', READING_SHARE)
  const content = {
    sequenceLength,
    vocabularySize,
    train: packed(data.train),
    validation: packed(data.validation),
    examples: data.examples,
  }
  return writePrepared(folder, content, fraction => {
    signal.throwIfAborted()
    onProgress('packing', READING_SHARE + (1 - READING_SHARE) * fraction)
  })
}

/** @param folder replaced if it exists */
export const buildDataset = async (
  folder: string,
  options: BuildOptions,
): Promise<BuiltDataset> => {
  const { dataset: spec, sequenceLength, onProgress } = options
  await mkdir(options.scratch, { recursive: true })
  try {
    const data = await ingest({
      ...options,
      onProgress: fraction => onProgress('tokenizing data', READING_SHARE * fraction),
    })
    try {
      checkQuality(data.counts, spec, { at: 'dataset', sequenceLength })
      const digest = await pack(folder, data, options)
      const dataset = await openPrepared(folder)
      return {
        summary: summarize(dataset, data),
        report: describe(dataset, data, options),
        dataset,
        digest,
      }
    } finally {
      await data.close()
    }
  } finally {
    await rm(options.scratch, { recursive: true, force: true })
  }
}
