/** Brings model and data files to this machine, and keeps a record of what they were. */
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { StageSpec } from '@attune/crds/resolved-spec.ts'
import { writeFileAtomically } from '../atomic-file.ts'
import { type FetchedDataFile, fetchDataFile } from '../source/fetch-data-file.ts'
import { fetchAdapter, fetchModel } from '../source/fetch-model.ts'
import type { Retry } from '../source/retry.ts'
import type { FetchOptions, FetchProgress } from '../source/source-options.ts'
import { isJsonObject, readJsonObject } from '../weights/read-json.ts'
import type { SourceFile } from './read-examples.ts'

export type SourceRecord = {
  readonly uri: string
  /** over the bytes that were read */
  readonly digest: string
  readonly revision?: string
}
export type DataRecords = {
  readonly train: readonly SourceRecord[]
  readonly validation?: readonly SourceRecord[]
}
export type SourceRecords = DataRecords & {
  readonly model: SourceRecord
  /** that training goes on from */
  readonly adapter?: SourceRecord
}
export type FetchedData = {
  readonly train: readonly SourceFile[]
  readonly validation?: readonly SourceFile[]
  readonly records: DataRecords
}
export type FetchedSources = FetchedData & { readonly records: SourceRecords }

type DataSource = {
  readonly uri: string
  readonly format?: SourceFile['format'] | undefined
}
type What = 'data' | 'model' | 'adapter'
export type FetchContext = Omit<FetchOptions, 'destination' | 'onProgress' | 'retry'> & {
  readonly onProgress: (what: What, progress: FetchProgress) => void
  readonly onRetry: (what: What, retry: Retry) => void
}

const RECORDS_FILE = 'sources.json'
const RECORDS_MAX_BYTES = 2 ** 20
/** Copies of remote data files, below the stage's folder, until they are read. */
export const DATA_FOLDER = 'data'
export const MODEL_FOLDER = 'model'
export const START_FOLDER = 'start-from'

/** Bytes that nobody promised to keep: looked at again at every run. */
export const isLocal = (uri: string): boolean => /^(file|pvc):/.test(uri)

/** Signed URLs carry their secret behind the question mark, and names end up in status. */
const shownName = (uri: string): string =>
  uri.startsWith('http') ? uri.replace(/[?#].*$/, '') : uri

const optionsFor = (
  what: What,
  destination: string,
  { onProgress, onRetry, ...context }: FetchContext,
): FetchOptions => ({
  ...context,
  destination,
  onProgress: progress => onProgress(what, progress),
  retry: { onRetry: retry => onRetry(what, retry) },
})

const fetchFiles = async (
  sources: readonly DataSource[],
  folder: string,
  side: string,
  context: FetchContext,
) => {
  const files: SourceFile[] = []
  const records: SourceRecord[] = []
  for (const [index, { uri, format = 'Auto' }] of sources.entries()) {
    const destination = join(folder, DATA_FOLDER, `${side}-${index}`)
    const fetched: FetchedDataFile = await fetchDataFile(
      uri,
      optionsFor('data', destination, context),
    )
    const { path, digest, revision } = fetched
    files.push({ path, name: shownName(uri), format })
    records.push({ uri, digest, ...(revision === undefined ? {} : { revision }) })
  }
  return { files, records }
}

/** What an earlier attempt left of another revision would be taken for part of the model. */
const removeOthers = async (folder: string, names: ReadonlySet<string>) => {
  for (const name of await readdir(folder))
    if (!names.has(name)) await rm(join(folder, name), { recursive: true, force: true })
}

const fetchModelRecord = async (
  uri: string,
  folder: string,
  context: FetchContext,
): Promise<SourceRecord> => {
  const destination = join(folder, MODEL_FOLDER)
  const { files, digest, revision } = await fetchModel(
    uri,
    optionsFor('model', destination, context),
  )
  await removeOthers(destination, new Set(files.map(({ name }) => name)))
  return { uri, digest, ...(revision === undefined ? {} : { revision }) }
}

const fetchAdapterRecord = async (
  uri: string,
  folder: string,
  context: FetchContext,
): Promise<SourceRecord> => {
  const destination = join(folder, START_FOLDER)
  const { digest, revision } = await fetchAdapter(uri, optionsFor('adapter', destination, context))
  return { uri, digest, ...(revision === undefined ? {} : { revision }) }
}

/** What a dataset is read from: the sources of the spec, or files that Curate has written. */
export type DataSources = {
  readonly sources?: readonly DataSource[]
  readonly validation: { readonly sources?: readonly DataSource[] }
}

export const fetchData = async (
  { sources = [], validation: { sources: heldOut } }: DataSources,
  folder: string,
  context: FetchContext,
): Promise<FetchedData> => {
  const train = await fetchFiles(sources, folder, 'train', context)
  const validation = heldOut && (await fetchFiles(heldOut, folder, 'validation', context))
  return {
    train: train.files,
    ...(validation ? { validation: validation.files } : {}),
    records: {
      train: train.records,
      ...(validation ? { validation: validation.records } : {}),
    },
  }
}

/** The data comes first: it is small, and a missing file is told before a large model is fetched. */
export const fetchSources = async (
  {
    dataset,
    model,
    method,
  }: { readonly dataset: DataSources } & Pick<StageSpec, 'model' | 'method'>,
  folder: string,
  context: FetchContext,
): Promise<FetchedSources> => {
  const data = await fetchData(dataset, folder, context)
  const { startFrom } = method.lora
  const adapter = startFrom && (await fetchAdapterRecord(startFrom.uri, folder, context))
  const record = await fetchModelRecord(model.source.uri, folder, context)
  return {
    ...data,
    records: { ...data.records, model: record, ...(adapter ? { adapter } : {}) },
  }
}

export const writeRecords = (folder: string, records: SourceRecords): Promise<void> =>
  writeFileAtomically(join(folder, RECORDS_FILE), `${JSON.stringify(records, null, 2)}\n`)

const isRecord = (value: unknown): value is SourceRecord =>
  isJsonObject(value) && typeof value['uri'] === 'string' && typeof value['digest'] === 'string'
const areRecords = (value: unknown): boolean => Array.isArray(value) && value.every(isRecord)

export const areDataRecords = (value: unknown): value is DataRecords =>
  isJsonObject(value) &&
  areRecords(value['train']) &&
  (value['validation'] === undefined || areRecords(value['validation']))

/** @returns undefined where there are none, or they are damaged */
export const readRecords = async (folder: string): Promise<SourceRecords | undefined> => {
  const value = await readJsonObject(join(folder, RECORDS_FILE), RECORDS_MAX_BYTES).catch(
    () => undefined,
  )
  if (!value || !isRecord(value['model']) || !areDataRecords(value)) return undefined
  const records = value as unknown as SourceRecords
  return records.adapter === undefined || isRecord(records.adapter) ? records : undefined
}

/**
 * Do the sources hold what they held? Local ones are read again; remote ones count as unchanged,
 * so that a finished stage needs no network.
 */
export const areUnchanged = async (
  records: SourceRecords,
  folder: string,
  context: FetchContext,
): Promise<boolean> => {
  if (!(await isDataUnchanged(records, folder, context))) return false
  const { model, adapter } = records
  if (adapter && isLocal(adapter.uri)) {
    const { digest } = await fetchAdapterRecord(adapter.uri, folder, context)
    if (digest !== adapter.digest) return false
  }
  if (!isLocal(model.uri)) return true
  return (await fetchModelRecord(model.uri, folder, context)).digest === model.digest
}

export const isDataUnchanged = async (
  records: DataRecords,
  folder: string,
  context: FetchContext,
): Promise<boolean> => {
  for (const { uri, digest } of [...records.train, ...(records.validation ?? [])]) {
    if (!isLocal(uri)) continue
    const { onProgress: _, ...options } = optionsFor('data', join(folder, DATA_FOLDER), context)
    const found = await fetchDataFile(uri, options)
    if (found.digest !== digest) return false
  }
  return true
}
