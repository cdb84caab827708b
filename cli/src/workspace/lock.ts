/** One `attune` at a time in a workspace: a lock file that names its owner, taken over when the owner is gone. */
import { link, open, readFile, rename, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { writeFileAtomically } from '@attune/trainer/atomic-file.ts'
import { CliError } from '../cli-error.ts'
import { identityOf, isRunning, type ProcessIdentity } from './process-identity.ts'

type Owner = ProcessIdentity & {
  readonly host: string
  readonly since: string
  /** the stage process, which outlives a command that was killed */
  readonly stage?: ProcessIdentity
}

export type WorkspaceLock = {
  readonly noteStage: (pid: number | undefined) => Promise<void>
  readonly release: () => Promise<void>
}

const ATTEMPTS = 5
const hasCode = (error: unknown, code: string) => (error as NodeJS.ErrnoException).code === code

const parseOwner = (text: string): Owner | undefined => {
  try {
    const owner = JSON.parse(text) as Owner
    return typeof owner?.pid === 'number' ? owner : undefined
  } catch {
    // cut short by a crash: nobody's
    return undefined
  }
}

/** @returns who holds the workspace, in words, or undefined if nobody does any more */
const holder = (owner: Owner | undefined): string | undefined => {
  if (!owner) return undefined
  if (owner.host !== hostname()) return `process ${owner.pid} on ${owner.host}`
  if (isRunning(owner)) return `process ${owner.pid}`
  return owner.stage && isRunning(owner.stage)
    ? `process ${owner.stage.pid}, a stage whose command was killed`
    : undefined
}

const create = async (file: string, text: string): Promise<boolean> => {
  try {
    const handle = await open(file, 'wx')
    await handle.writeFile(text)
    await handle.close()
    return true
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false
    throw error
  }
}

/** Between reading a stale lock and removing it another command may have taken it: look at what was moved. */
const removeStale = async (file: string, stale: string): Promise<void> => {
  const moved = `${file}.stale-${process.pid}`
  try {
    await rename(file, moved)
    if ((await readFile(moved, 'utf8')) !== stale) await link(moved, file)
  } catch (error) {
    if (!hasCode(error, 'ENOENT') && !hasCode(error, 'EEXIST')) throw error
  } finally {
    await rm(moved, { force: true })
  }
}

const readLock = (file: string): Promise<string | undefined> =>
  readFile(file, 'utf8').catch(error => {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  })

/** @throws CliError where another command works in the workspace */
export const lockWorkspace = async (workspace: string): Promise<WorkspaceLock> => {
  const file = join(workspace, 'lock')
  const owner: Owner = {
    ...identityOf(process.pid),
    host: hostname(),
    since: new Date().toISOString(),
  }
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (await create(file, JSON.stringify(owner)))
      return {
        noteStage: pid =>
          writeFileAtomically(
            file,
            JSON.stringify(pid === undefined ? owner : { ...owner, stage: identityOf(pid) }),
          ),
        release: () => rm(file, { force: true }),
      }
    const text = await readLock(file)
    if (text === undefined) continue
    const found = parseOwner(text)
    const who = holder(found)
    if (who)
      throw new CliError(
        `${workspace}: ${who} has worked here since ${found?.since}; wait for it, stop it, or choose another --workspace`,
      )
    await removeStale(file, text)
  }
  throw new CliError(`${file}: could not be taken; try again`)
}
