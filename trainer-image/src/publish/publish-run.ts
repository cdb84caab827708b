/** Puts a run's folder in place whole: written beside under a name of its own, flushed, renamed. */
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { syncFolder, temporaryFor, writeFileAtomically } from '../atomic-file.ts'
import { publishFailed, StageStopped } from '../stage-error.ts'
import { removeAbandoned, temporaryPrefix } from './abandoned-runs.ts'
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
  /** everything that `write` makes: paths below the run's folder */
  readonly files: readonly string[]
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

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code

type Found = 'nothing' | 'same' | 'older'

/** What is at the place of the run's folder; anything that is not this job's is left alone. */
const inspect = async (
  folder: string,
  { uri, job, key }: RunToPublish,
): Promise<{ readonly found: Found; readonly digests?: Digests }> => {
  const there = await readdir(folder).catch(error => {
    if (codeOf(error) === 'ENOENT') return undefined
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

const overtaken = ({ uri, job }: RunToPublish) =>
  `output.uri ${uri}: another attempt to publish run-${job.run} has begun in the meantime; this one gives up`

const writeWhole = async (temporary: string, run: RunToPublish): Promise<Digests> => {
  await mkdir(temporary)
  await run.write(temporary)
  const digests = await digestFolder(temporary)
  // taken away while it was written, or a fault of ours: that would come again, so it costs a retry
  if (!isDeepStrictEqual(Object.keys(digests), run.files.toSorted()))
    throw publishFailed(overtaken(run))
  await writeFileAtomically(join(temporary, DIGESTS_FILE), `${JSON.stringify(digests, null, 2)}\n`)
  await syncTree(temporary)
  return digests
}

/** Others may publish to the same place: each time it is looked at again. */
const PLACE_TRIES = 5

/** @returns digests of what another has put there in the meantime, if that is the same run */
const place = async (
  temporary: string,
  folder: string,
  replaced: string,
  run: RunToPublish,
): Promise<Digests | undefined> => {
  for (let tries = 1; ; tries += 1) {
    const { found, digests } = await inspect(folder, run)
    if (digests) return digests
    try {
      // a folder cannot be renamed over one with something in it
      if (found === 'older') await rename(folder, replaced)
      await rename(temporary, folder)
      return undefined
    } catch (error) {
      const code = codeOf(error)
      const isTaken = code === 'ENOTEMPTY' || code === 'EEXIST' || code === 'ENOENT'
      if (tries === PLACE_TRIES || !isTaken) throw error
    }
    // back, unless another has come there
    await rename(replaced, folder).catch(() => undefined)
    await rm(replaced, { recursive: true, force: true })
  }
}

/** @returns digests of what lies at `<parent>/run-<n>`; a run that is there already is not written again */
export const publishRun = async (run: RunToPublish): Promise<Digests> => {
  const folder = join(run.parent, `run-${run.job.run}`)
  const { digests } = await inspect(folder, run)
  if (digests) return digests
  await removeAbandoned(run)
  const prefix = join(run.parent, temporaryPrefix(run))
  const [temporary, replaced] = [temporaryFor(prefix), temporaryFor(prefix)]
  try {
    const made = await writeWhole(temporary, run)
    const others = await place(temporary, folder, replaced, run)
    await syncFolder(run.parent)
    return others ?? made
  } catch (error) {
    const isGone = await stat(temporary).then(
      () => false,
      () => true,
    )
    // whoever took the folder away publishes: no failure, and no retry is spent on it
    throw codeOf(error) === 'ENOENT' && isGone ? new StageStopped(overtaken(run)) : error
  } finally {
    for (const path of [temporary, replaced]) await rm(path, { recursive: true, force: true })
  }
}
