/** One data file as a local file, from wherever its uri says. */
import { mkdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { invalidSpec } from '../stage-error.ts'
import { download } from './download.ts'
import { sha256File } from './file-digest.ts'
import { httpDownload } from './http-file.ts'
import { openHub } from './hub.ts'
import { listFolder, resolveLocal } from './local-files.ts'
import { type HubSource, parseSource, withoutQuery } from './parse-uri.ts'
import { type FetchOptions, MAX_DATA_FILE_BYTES } from './source-options.ts'

export type FetchedDataFile = {
  readonly path: string
  readonly bytes: number
  /** sha256 of its bytes, in hex */
  readonly digest: string
  /** commit of the hub's repository */
  readonly revision?: string
}

/**
 * Local files are used in place; remote ones are put into the destination under their own names,
 * so each source needs a destination of its own.
 */
export const fetchDataFile = async (
  uri: string,
  options: FetchOptions,
): Promise<FetchedDataFile> => {
  const source = parseSource(uri)
  switch (source.kind) {
    case 'hub':
      return fromHub(uri, source, options)
    case 'http': {
      const what = withoutQuery(source.url)
      const path = await target(options, what, source.url.pathname)
      const file = { what, path, maxBytes: MAX_DATA_FILE_BYTES, onBytes: onBytes(options) }
      await download(httpDownload(source.url, file), options.signal, options.retry)
      return finished(path, options)
    }
    default: {
      const local = await resolveLocal(uri, source, options)
      if (await listFolder(local.uri, local.path))
        throw invalidSpec(`${local.uri} is a folder; name one file in it`)
      return finished(local.path, options)
    }
  }
}

const onBytes =
  ({ onProgress }: FetchOptions) =>
  (doneBytes: number, totalBytes: number | undefined) =>
    onProgress?.({ doneBytes, ...(totalBytes === undefined ? {} : { totalBytes }) })

/** The uri's own name, which tells the format, without what a file system might trip over. */
const target = async ({ destination }: FetchOptions, uri: string, path: string) => {
  const name = basename(path)
    .replace(/[^\w.-]/g, '_')
    .slice(-128)
  if (/^\.*$/.test(name)) throw invalidSpec(`${uri} does not end in a file name`)
  await mkdir(destination, { recursive: true })
  return join(destination, name)
}

const finished = async (
  path: string,
  { signal }: FetchOptions,
  revision?: string,
): Promise<FetchedDataFile> => {
  const { size } = await stat(path)
  const digest = await sha256File(path, signal)
  return { path, bytes: size, digest, ...(revision === undefined ? {} : { revision }) }
}

const fromHub = async (
  uri: string,
  source: HubSource,
  options: FetchOptions,
): Promise<FetchedDataFile> => {
  if (source.type !== 'dataset' || source.path === undefined)
    throw invalidSpec(`${uri} does not name a file; write hf://datasets/owner/name[@revision]/file`)
  const repository = await openHub(uri, source, options)
  const file = await repository.file(source.path)
  const path = await target(options, uri, source.path)
  const wanted = { path, maxBytes: MAX_DATA_FILE_BYTES, onBytes: onBytes(options) }
  await download(repository.download(file, wanted), options.signal, options.retry)
  return finished(path, options, repository.commit)
}
