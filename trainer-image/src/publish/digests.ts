/** `digests.json`: sha256 and size of every published file, so that a copy can be checked. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { pipeline } from 'node:stream/promises'

export const DIGESTS_FILE = 'digests.json'
export type FileDigest = { readonly sha256: string; readonly bytes: number }
/** path below the folder → digest, sorted by path */
export type Digests = Readonly<Record<string, FileDigest>>

export const digestFile = async (path: string): Promise<FileDigest> => {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return { sha256: hash.digest('hex'), bytes: (await stat(path)).size }
}

/** Of all files below the folder but `digests.json` itself. */
export const digestFolder = async (folder: string): Promise<Digests> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const paths = entries
    .filter(entry => entry.isFile())
    .map(entry => relative(folder, join(entry.parentPath, entry.name)))
    .filter(path => path !== DIGESTS_FILE)
    .sort()
  const digests: [string, FileDigest][] = []
  for (const path of paths) digests.push([path, await digestFile(join(folder, path))])
  return Object.fromEntries(digests)
}
