/** file:// and pvc:// sources: where they lie, and how they get into the destination. */
import { constants } from 'node:fs'
import { copyFile, readdir, realpath, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path'
import { invalidSpec, sourceForbidden, sourceNotFound } from '../stage-error.ts'
import type { Source } from './parse-uri.ts'

export type LocalSource = Extract<Source, { kind: 'file' | 'pvc' }>
export type Roots = { readonly pvcRoot: string; readonly fileRoot: string }

export type LocalPath = {
  /** for messages: a relative `file://` path means nothing to whoever reads them elsewhere */
  readonly uri: string
  /** links resolved */
  readonly path: string
  /** folder that nothing may lead out of */
  readonly within: string | undefined
}

export const resolveLocal = async (
  uri: string,
  source: LocalSource,
  roots: Roots,
): Promise<LocalPath> => {
  if (source.kind === 'file') {
    const absolute = resolve(roots.fileRoot, source.path)
    const shown = `file://${absolute}`
    return { uri: shown, path: await real(shown, absolute), within: undefined }
  }
  const within = await real(uri, join(roots.pvcRoot, source.claim))
  return contained(uri, join(within, source.path), within)
}

/** @returns the path with links resolved, which must not lead out of `within` */
export const contained = async (
  uri: string,
  path: string,
  within: string | undefined,
): Promise<LocalPath> => {
  const found = await real(uri, path)
  if (within !== undefined) {
    const inside = relative(within, found)
    if (inside.split('/')[0] === '..' || isAbsolute(inside))
      throw sourceForbidden(
        `${uri}: ${basename(path)} is a link that leads out of the claim; put the file itself there`,
      )
  }
  return { uri, path: found, within }
}

const real = async (uri: string, path: string): Promise<string> => {
  try {
    return await realpath(path)
  } catch (cause) {
    throw await localError(uri, path, cause)
  }
}

/** Which part of the path is the first that is not there, and the folder it was looked for in. */
const whatIsMissing = async (path: string): Promise<string> => {
  const folder = dirname(path)
  const isThere = await stat(folder).then(
    () => true,
    () => false,
  )
  return isThere || folder === path ? `no ${basename(path)} in ${folder}` : whatIsMissing(folder)
}

const localError = async (uri: string, path: string, cause: unknown): Promise<Error> => {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  if (code === 'ENOENT' || code === 'ENOTDIR')
    return sourceNotFound(
      `${uri} does not exist: there is ${await whatIsMissing(path)}; check the path`,
      { cause },
    )
  if (code === 'EACCES' || code === 'EPERM')
    return sourceForbidden(`${uri} may not be read by the trainer's user; check its permissions`, {
      cause,
    })
  return new Error(`${uri} cannot be read: ${cause}`, { cause })
}

const MAX_ENTRIES = 10_000

/** @returns undefined if it is a file */
export const listFolder = async (
  uri: string,
  path: string,
): Promise<readonly string[] | undefined> => {
  const info = await stat(path).catch(async cause => {
    throw await localError(uri, path, cause)
  })
  if (info.isFile()) return undefined
  if (!info.isDirectory()) throw invalidSpec(`${uri} is neither a file nor a folder`)
  const names = await readdir(path).catch(async cause => {
    throw await localError(uri, path, cause)
  })
  if (names.length > MAX_ENTRIES)
    throw invalidSpec(`${uri} has ${names.length} entries, at most ${MAX_ENTRIES} are looked at`)
  return names
}

/** Copies the file into place, without its blocks where the file system can: a link would change with the original. */
export const placeFile = async (uri: string, from: string, to: string): Promise<void> => {
  if (!(await stat(from)).isFile()) throw invalidSpec(`${uri}: ${basename(from)} is not a file`)
  const temporary = `${to}.partial`
  await rm(temporary, { force: true })
  try {
    await copyFile(from, temporary, constants.COPYFILE_FICLONE)
    await rename(temporary, to)
  } catch (cause) {
    throw await localError(uri, from, cause)
  } finally {
    await rm(temporary, { force: true })
  }
}
