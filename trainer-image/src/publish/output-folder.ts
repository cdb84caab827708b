/** Where `output.uri` lies on this machine. */
import { mkdir, realpath, stat } from 'node:fs/promises'
import { dirname, isAbsolute, join, relative, resolve } from 'node:path'
import { parseSource } from '../source/parse-uri.ts'
import { invalidSpec, publishFailed } from '../stage-error.ts'
import { cannotPublish } from './publish-error.ts'

export type OutputRoots = { readonly pvcRoot: string; readonly fileRoot: string }

const hasCode = (error: unknown, code: string) =>
  error instanceof Error && 'code' in error && error.code === code

/** The deepest folder on the way to `path` that is there, with links resolved. */
const existing = async (path: string): Promise<string> => {
  try {
    return await realpath(path)
  } catch (error) {
    if (!hasCode(error, 'ENOENT') || dirname(path) === path) throw error
    return existing(dirname(path))
  }
}

/** mkdir's own `recursive` never ends where the file system refuses with ENOENT, as /proc does. */
const makeFolder = async (path: string): Promise<void> => {
  try {
    await mkdir(path)
  } catch (error) {
    if (hasCode(error, 'EEXIST') && (await stat(path)).isDirectory()) return
    if (!hasCode(error, 'ENOENT') || dirname(path) === path) throw error
    await makeFolder(dirname(path))
    await mkdir(path)
  }
}

const isWithin = (folder: string, path: string): boolean => {
  const inside = relative(folder, path)
  return inside.split('/')[0] !== '..' && !isAbsolute(inside)
}

/** Links in the claim could lead to what belongs to the pod; a folder yet to be made cannot be a link. */
const claimFolder = async (uri: string, claim: string, path: string, pvcRoot: string) => {
  const root = await realpath(join(pvcRoot, claim)).catch(cause => {
    throw publishFailed(
      `output.uri ${uri}: claim ${claim} is not mounted; check that it exists in the job's namespace`,
      { cause },
    )
  })
  const folder = join(root, path)
  if (!isWithin(root, await existing(folder)))
    throw invalidSpec(
      `output.uri ${uri}: a link in the path leads out of the claim; choose another folder`,
    )
  return folder
}

/** Makes the folder if it is not there. @returns its path, with links resolved */
export const openOutputFolder = async (uri: string, roots: OutputRoots): Promise<string> => {
  const output = parseSource(uri)
  if (output.kind !== 'file' && output.kind !== 'pvc')
    throw invalidSpec(`output.uri ${uri}: results are written to pvc://claim/path or file://path`)
  try {
    const folder =
      output.kind === 'file'
        ? resolve(roots.fileRoot, output.path)
        : await claimFolder(uri, output.claim, output.path, roots.pvcRoot)
    await makeFolder(folder)
    return await realpath(folder)
  } catch (error) {
    throw cannotPublish(uri, error)
  }
}
