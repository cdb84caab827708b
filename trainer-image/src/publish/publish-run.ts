/** Puts a run's folder in place whole: written beside under another name, flushed, renamed. */
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { syncFolder, writeFileAtomically } from '../atomic-file.ts'
import { publishFailed } from '../stage-error.ts'
import { DIGESTS_FILE, type Digests, digestFolder } from './digests.ts'
import type { Provenance } from './provenance.ts'

export const PROVENANCE_FILE = 'provenance.json'
const JSON_MAX_BYTES = 16 * 2 ** 20

export type RunToPublish = {
  /** `output.uri`, for messages */
  readonly uri: string
  /** folder that the uri names */
  readonly parent: string
  readonly job: Provenance['job']
  readonly key: string
  /** writes everything but `digests.json` into an empty folder */
  readonly write: (folder: string) => Promise<void>
}

const readJson = async (path: string): Promise<unknown> => {
  try {
    if ((await stat(path)).size > JSON_MAX_BYTES) return undefined
    return JSON.parse(await readFile(path, 'utf8'))
  } catch {
    // absent or damaged: either way it says nothing
    return undefined
  }
}

type Found = 'nothing' | 'same' | 'older'

/** What is at the place of the run's folder; anything that is not this job's is left alone. */
const inspect = async (
  folder: string,
  { uri, job, key }: RunToPublish,
): Promise<{ readonly found: Found; readonly digests?: Digests }> => {
  const there = await readdir(folder).catch(error => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (!there) return { found: 'nothing' }
  const provenance = (await readJson(join(folder, PROVENANCE_FILE))) as
    | Partial<Provenance>
    | undefined
  const owner = provenance?.job
  if (owner?.name !== job.name || owner.namespace !== job.namespace)
    throw publishFailed(
      `output.uri ${uri}: run-${job.run} is already there and ${
        owner ? `belongs to job ${owner.namespace}/${owner.name}` : "is not this job's"
      }; choose another output.uri or move it away`,
    )
  const digests = await readJson(join(folder, DIGESTS_FILE))
  const same = provenance?.key === key && isDeepStrictEqual(digests, await digestFolder(folder))
  return same ? { found: 'same', digests: digests as Digests } : { found: 'older' }
}

const syncFile = async (path: string) => {
  const file = await open(path, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

const syncTree = async (folder: string): Promise<void> => {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    await (entry.isDirectory() ? syncTree(path) : syncFile(path))
  }
  await syncFolder(folder)
}

/** @returns digests of what lies at `<parent>/run-<n>`; a run that is there already is not written again */
export const publishRun = async (run: RunToPublish): Promise<Digests> => {
  const name = `run-${run.job.run}`
  const folder = join(run.parent, name)
  const { found, digests } = await inspect(folder, run)
  if (digests) return digests
  const temporary = join(run.parent, `.${name}.partial`)
  const replaced = join(run.parent, `.${name}.replaced`)
  const clean = async () => {
    for (const path of [temporary, replaced]) await rm(path, { recursive: true, force: true })
  }
  await clean()
  try {
    await mkdir(temporary)
    await run.write(temporary)
    const made = await digestFolder(temporary)
    await writeFileAtomically(join(temporary, DIGESTS_FILE), `${JSON.stringify(made, null, 2)}\n`)
    await syncTree(temporary)
    // a folder cannot be renamed over one with something in it
    if (found === 'older') await rename(folder, replaced)
    await rename(temporary, folder)
    await syncFolder(run.parent)
    return made
  } finally {
    await clean()
  }
}
