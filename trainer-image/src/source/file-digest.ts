/** Digests of files and folders. */
import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { FetchedFile } from './source-options.ts'

/** A checksum that a source gives for a file: its SHA-256, or git's SHA-1 over header and content. */
export type Checksum = { readonly kind: 'sha256' | 'gitBlob'; readonly hex: string }

export const sha256File = async (path: string, signal?: AbortSignal): Promise<string> =>
  hashFile(path, createHash('sha256'), signal)

export const matches = async (path: string, checksum: Checksum, signal?: AbortSignal) => {
  if (checksum.kind === 'sha256') return (await sha256File(path, signal)) === checksum.hex
  const { size } = await stat(path)
  const hash = createHash('sha1').update(`blob ${size}\0`)
  return (await hashFile(path, hash, signal)) === checksum.hex
}

const hashFile = async (path: string, hash: Hash, signal?: AbortSignal): Promise<string> => {
  const stream = createReadStream(path, { highWaterMark: 1024 * 1024, ...(signal && { signal }) })
  for await (const chunk of stream) hash.update(chunk)
  return hash.digest('hex')
}

/** sha256 over name and digest of each file, in the order of names: independent of where the files lie. */
export const digestOf = (files: readonly FetchedFile[]): string => {
  const lines = files.map(({ name, sha256 }) => `${sha256}  ${name}\n`).sort()
  return createHash('sha256').update(lines.join('')).digest('hex')
}
