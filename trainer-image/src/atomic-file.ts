/** Files that are there whole or not at all: written beside, flushed, renamed. */
import { randomBytes } from 'node:crypto'
import { open, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** Makes a rename in this folder survive a power cut. */
export const syncFolder = async (folder: string): Promise<void> => {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** A name beside the path for one write alone: in pods of one volume the process ids are equal. */
export const temporaryFor = (path: string): string =>
  `${path}.tmp-${process.pid}-${randomBytes(6).toString('hex')}`

const TEMPORARY = /\.tmp-\d+-[0-9a-f]{12}$/

/** Was the name made by `temporaryFor`? */
export const isTemporary = (name: string): boolean => TEMPORARY.test(name)

/** Removes what writes that were cut off have left; who still writes there fails, and may only have been given up. */
export const removeTemporaries = async (folder: string): Promise<void> => {
  for (const name of await readdir(folder))
    if (isTemporary(name)) await rm(join(folder, name), { recursive: true, force: true })
}

export const writeFileAtomically = async (
  path: string,
  content: string | Uint8Array,
): Promise<void> => {
  const temporary = temporaryFor(path)
  try {
    const handle = await open(temporary, 'w')
    try {
      await handle.writeFile(content)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  await syncFolder(dirname(path))
}
