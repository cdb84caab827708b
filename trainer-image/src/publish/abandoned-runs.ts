/** What publications that were killed have left beside the runs of an output. */
import { createHash } from 'node:crypto'
import { readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isTemporary, temporaryFor } from '../atomic-file.ts'
import type { RunToPublish } from './publish-run.ts'

type Publication = Pick<RunToPublish, 'job' | 'key' | 'parent'>

/** Nobody writes an adapter for so long. */
const ABANDONED_MS = 24 * 60 * 60 * 1000
const ANY = /^\.run-\d+\./

/** Begins the names of what is half written, of this publication alone: jobs may share an output. */
export const temporaryPrefix = ({ job, key }: Pick<Publication, 'job' | 'key'>): string => {
  const identity = createHash('sha256')
    .update(JSON.stringify([job, key]))
    .digest('hex')
  return `.run-${job.run}.${identity.slice(0, 16)}`
}

/** Taken away by one rename, so that who still writes there cannot put half of it in place. */
const takeAway = async (path: string, aside: string) => {
  try {
    await rename(path, aside)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  await rm(aside, { recursive: true, force: true })
}

const isOld = async (path: string): Promise<boolean> => {
  const found = await stat(path).catch(() => undefined)
  return found !== undefined && Date.now() - found.mtimeMs > ABANDONED_MS
}

/** Of this publication at once, since its earlier attempt was given up; of others after a day. */
export const removeAbandoned = async (publication: Publication): Promise<void> => {
  const { parent } = publication
  const own = temporaryPrefix(publication)
  for (const name of await readdir(parent)) {
    if (!ANY.test(name) || !isTemporary(name)) continue
    const path = join(parent, name)
    if (name.startsWith(own) || (await isOld(path)))
      await takeAway(path, temporaryFor(join(parent, own)))
  }
}
