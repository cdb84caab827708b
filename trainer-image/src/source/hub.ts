/** Repositories of the Hugging Face hub (or of a server that speaks its API), by `@huggingface/hub`. */
import {
  datasetInfo,
  downloadFile,
  HubApiError,
  type ListFileEntry,
  listFiles,
  modelInfo,
  pathsInfo,
} from '@huggingface/hub'
import { StageError, sourceNotFound } from '../stage-error.ts'
import type { Download } from './download.ts'
import type { Checksum } from './file-digest.ts'
import { statusError } from './http-status.ts'
import { hubFetch } from './hub-fetch.ts'
import type { HubSource } from './parse-uri.ts'
import { type RetryOptions, withRetry } from './retry.ts'
import type { FetchOptions } from './source-options.ts'

export type HubFile = {
  readonly path: string
  readonly bytes: number
  readonly checksum: Checksum | undefined
}

export type HubRepository = {
  /** commit that the revision names now; all files are taken from it */
  readonly commit: string
  /** files at the top */
  files(): Promise<readonly HubFile[]>
  file(path: string): Promise<HubFile>
  download(file: HubFile, target: Pick<Download, 'path' | 'maxBytes' | 'onBytes'>): Download
}

type Access = {
  readonly uri: string
  readonly source: HubSource
  readonly hubUrl: string
  readonly fetch: typeof fetch
  readonly signal: AbortSignal
  readonly retry: RetryOptions | undefined
}

const MAX_FILES = 10_000

export const openHub = async (
  uri: string,
  source: HubSource,
  { environment, signal, retry }: Pick<FetchOptions, 'environment' | 'signal' | 'retry'>,
): Promise<HubRepository> => {
  const hubUrl = (environment['HF_ENDPOINT'] || 'https://huggingface.co').replace(/\/+$/, '')
  const access: Access = {
    uri,
    source,
    hubUrl,
    fetch: hubFetch(uri, hubUrl, environment['HF_TOKEN'], signal),
    signal,
    retry,
  }
  const commit = await resolveCommit(access)
  return {
    commit,
    files: () => call(access, () => topFiles(access, commit)),
    file: path => call(access, () => oneFile(access, commit, path)),
    download: (file, target) => hubDownload(access, commit, file, target),
  }
}

const repoOf = ({ source }: Access) => ({ type: source.type, name: source.name }) as const

/** Runs a request of the library, tries it again where that can help, and says what its errors mean. */
const call = <T>(access: Access, action: () => Promise<T>): Promise<T> =>
  withRetry(
    access.uri,
    async () => {
      try {
        return await action()
      } catch (error) {
        throw translated(access.uri, error)
      }
    },
    access.signal,
    access.retry,
  )

const ADVICE =
  'it may be private or gated, or not exist: check the name, accept its terms, and give a token (credentialsSecret, or HF_TOKEN)'

const translated = (uri: string, error: unknown): unknown =>
  error instanceof HubApiError && !(error instanceof StageError)
    ? statusError(uri, error.statusCode, ADVICE)
    : error

const resolveCommit = async (access: Access): Promise<string> => {
  const { source, hubUrl } = access
  const revision = source.revision ?? 'main'
  const ask = {
    name: source.name,
    revision,
    hubUrl,
    fetch: access.fetch,
    additionalFields: ['sha' as const],
  }
  const { sha } = await call<{ sha?: string }>(access, () =>
    source.type === 'model' ? modelInfo(ask) : datasetInfo(ask),
  )
  if (typeof sha !== 'string' || !/^[0-9a-f]{40,64}$/.test(sha))
    throw new Error(`${access.uri}: the hub does not say which commit ${revision} is`)
  return sha
}

const topFiles = async (access: Access, commit: string): Promise<readonly HubFile[]> => {
  const found: HubFile[] = []
  const { hubUrl, fetch } = access
  for await (const entry of listFiles({ repo: repoOf(access), revision: commit, hubUrl, fetch })) {
    if (entry.type !== 'file') continue
    if (found.length >= MAX_FILES)
      throw sourceNotFound(`${access.uri} has more than ${MAX_FILES} files; name one in the uri`)
    found.push(hubFile(entry))
  }
  return found
}

const oneFile = async (access: Access, commit: string, path: string): Promise<HubFile> => {
  const { hubUrl, fetch } = access
  const found = await pathsInfo({
    repo: repoOf(access),
    revision: commit,
    paths: [path],
    hubUrl,
    fetch,
  })
  const entry = found.find(info => info.path === path && info.type === 'file')
  if (!entry)
    throw sourceNotFound(
      `${access.uri}: the repository has no file ${path} at ${commit.slice(0, 12)}`,
    )
  return hubFile(entry)
}

/** Large files are addressed by SHA-256, small ones by git. */
const hubFile = ({
  path,
  size,
  lfs,
  oid,
}: Pick<ListFileEntry, 'path' | 'size' | 'lfs' | 'oid'>) => {
  const sha256 = lfs?.oid.replace(/^sha256:/, '')
  const checksum: Checksum | undefined =
    sha256 !== undefined && /^[0-9a-f]{64}$/.test(sha256)
      ? { kind: 'sha256', hex: sha256 }
      : lfs === undefined && oid !== undefined && /^[0-9a-f]{40}$/.test(oid)
        ? { kind: 'gitBlob', hex: oid }
        : undefined
  return { path, bytes: lfs?.size ?? size, checksum }
}

const hubDownload = (
  access: Access,
  commit: string,
  file: HubFile,
  target: Pick<Download, 'path' | 'maxBytes' | 'onBytes'>,
): Download => ({
  ...target,
  what: `${access.uri} (${file.path})`,
  identity: file.checksum?.hex ?? commit,
  checksum: file.checksum,
  open: async (offset, signal) => {
    // the library asks for the first byte, which an empty file does not have
    if (file.bytes === 0) return { offset: 0, totalBytes: 0, body: nothing() }
    try {
      const blob = await downloadFile({
        repo: repoOf(access),
        revision: commit,
        path: file.path,
        hubUrl: access.hubUrl,
        fetch: hubFetch(access.uri, access.hubUrl, undefined, signal, access.fetch),
      })
      if (!blob) throw sourceNotFound(`${access.uri}: ${file.path} does not exist`)
      const from = offset <= blob.size ? offset : 0
      const body = from < blob.size ? blob.slice(from, blob.size).stream() : nothing()
      return { offset: from, totalBytes: blob.size, body }
    } catch (error) {
      throw translated(access.uri, error)
    }
  },
})

async function* nothing(): AsyncGenerator<Uint8Array> {}
