/** Brings a model's files into one folder, from wherever its uri says. */
import { mkdir, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { invalidSpec } from '../stage-error.ts'
import { readWeightMap } from '../weights/model-files.ts'
import { download } from './download.ts'
import { digestOf, matches, sha256File } from './file-digest.ts'
import { httpDownload } from './http-file.ts'
import { type HubFile, type HubRepository, openHub } from './hub.ts'
import { contained, type LocalSource, listFolder, placeFile, resolveLocal } from './local-files.ts'
import { type HubSource, parseSource, withoutQuery } from './parse-uri.ts'
import {
  type Selection,
  selectAdapterFiles,
  selectModelFiles,
  WEIGHTS_INDEX,
} from './select-files.ts'
import { type FetchedFile, type FetchOptions, MAX_MODEL_FILE_BYTES } from './source-options.ts'

export type FetchedModel = {
  /** holds the files, ready for readModelConfig, openWeights and loadTokenizer */
  readonly folder: string
  readonly files: readonly FetchedFile[]
  /** commit of the hub's repository */
  readonly revision?: string
  /** over names and bytes of all files */
  readonly digest: string
}

/** @param present names at the top of a folder */
type Select = (uri: string, present: readonly string[]) => Selection

export const fetchModel = async (
  uri: string,
  options: FetchOptions,
  select: Select = selectModelFiles,
): Promise<FetchedModel> => {
  const source = parseSource(uri)
  await mkdir(options.destination, { recursive: true })
  switch (source.kind) {
    case 'hub':
      return fromHub(uri, source, options, select)
    case 'http':
      return fromHttp(source.url, options)
    default:
      return fromFolder(uri, source, options, select)
  }
}

/** An adapter in PEFT's form, from wherever a model may come. */
export const fetchAdapter = (uri: string, options: FetchOptions): Promise<FetchedModel> =>
  fetchModel(uri, options, selectAdapterFiles)

const finished = async (
  names: readonly string[],
  { destination, signal }: FetchOptions,
  revision?: string,
): Promise<FetchedModel> => {
  const files: FetchedFile[] = []
  for (const name of [...names].sort()) {
    const path = join(destination, name)
    const { size } = await stat(path)
    files.push({ name, path, bytes: size, sha256: await sha256File(path, signal) })
  }
  const digest = digestOf(files)
  return { folder: destination, files, digest, ...(revision === undefined ? {} : { revision }) }
}

const fromFolder = async (
  given: string,
  source: LocalSource,
  options: FetchOptions,
  select: Select,
): Promise<FetchedModel> => {
  const { uri, path, within } = await resolveLocal(given, source, options)
  const present = await listFolder(uri, path)
  const folder = present ? path : dirname(path)
  if (!present) refuseUnlessGguf(uri, path)
  const selection = present ? select(uri, present) : { names: [basename(path)], sharded: false }
  const place = async (name: string) => {
    options.signal.throwIfAborted()
    const { path: from } = await contained(`${uri} (${name})`, join(folder, name), within)
    await placeFile(uri, from, join(options.destination, name))
  }
  const names = await eachFile(selection, options, place)
  return finished(names, options)
}

/** The files of a selection, and then those that its index names. */
const eachFile = async (
  selection: Selection,
  { destination }: FetchOptions,
  get: (name: string) => Promise<void>,
): Promise<readonly string[]> => {
  for (const name of selection.names) await get(name)
  if (!selection.sharded) return selection.names
  const shards = new Set((await readWeightMap(join(destination, WEIGHTS_INDEX))).values())
  for (const name of shards) await get(name)
  return [...selection.names, ...shards]
}

const refuseUnlessGguf = (uri: string, path: string) => {
  if (!path.endsWith('.gguf'))
    throw invalidSpec(`${uri} is a single file and not .gguf; give a folder or a .gguf file`)
}

const fromHttp = async (url: URL, options: FetchOptions): Promise<FetchedModel> => {
  const what = withoutQuery(url)
  refuseUnlessGguf(what, url.pathname)
  const path = join(options.destination, 'model.gguf')
  const onBytes = (doneBytes: number, totalBytes: number | undefined) =>
    options.onProgress?.({ doneBytes, ...(totalBytes === undefined ? {} : { totalBytes }) })
  const file = { what, path, maxBytes: MAX_MODEL_FILE_BYTES, onBytes }
  await download(httpDownload(url, file), options.signal, options.retry)
  return finished(['model.gguf'], options)
}

const fromHub = async (
  uri: string,
  source: HubSource,
  options: FetchOptions,
  select: Select,
): Promise<FetchedModel> => {
  if (source.type === 'dataset') throw invalidSpec(`${uri} is a dataset; a model is needed here`)
  const repository = await openHub(uri, source, options)
  const files = await hubFiles(uri, source, repository)
  const selection = source.path
    ? { names: [source.path], sharded: false }
    : select(uri, [...files.keys()])
  let before = 0
  const get = async (path: string) => {
    const file = files.get(path) ?? (await repository.file(path))
    await getHubFile(repository, file, options, before)
    before += file.bytes
  }
  const paths = await eachFile(selection, options, get)
  return finished(
    paths.map(path => basename(path)),
    options,
    repository.commit,
  )
}

const hubFiles = async (
  uri: string,
  { path }: HubSource,
  repository: HubRepository,
): Promise<ReadonlyMap<string, HubFile>> => {
  if (path) refuseUnlessGguf(uri, path)
  const files = path ? [await repository.file(path)] : await repository.files()
  return new Map(files.map(file => [file.path, file]))
}

/** @param before bytes of the files that are there already, for the progress */
const getHubFile = async (
  repository: HubRepository,
  file: HubFile,
  { destination, signal, retry, onProgress }: FetchOptions,
  before: number,
): Promise<void> => {
  const path = join(destination, basename(file.path))
  const onBytes = (done: number) => onProgress?.({ doneBytes: before + done })
  // an earlier attempt may have got this far
  if (file.checksum && (await stat(path).catch(() => undefined))?.size === file.bytes)
    if (await matches(path, file.checksum, signal)) return onBytes(file.bytes)
  const target = { path, maxBytes: MAX_MODEL_FILE_BYTES, onBytes }
  await download(repository.download(file, target), signal, retry)
}
