/** One `attune` at a time in a workspace: a lock file that names its owner, taken over when the owner is gone. */
import { link, readFile, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { temporaryFor, writeFileAtomically } from '@attune/trainer/atomic-file.ts'
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

const readLock = (file: string): Promise<string | undefined> =>
  readFile(file, 'utf8').catch(error => {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  })

/** A lock is there with its owner in it or not at all: one that is written step by step looks like nobody's. */
const create = async (file: string, text: string): Promise<boolean> => {
  const temporary = temporaryFor(file)
  try {
    await writeFile(temporary, text, { flush: true })
    await link(temporary, file)
    return true
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false
    throw error
  } finally {
    await rm(temporary, { force: true })
  }
}

/** Of many commands that find the same stale lock one replaces it: whoever holds the second lock. */
const takeOver = async (file: string, stale: string, text: string): Promise<boolean> => {
  const claim = `${file}.takeover`
  if (!(await create(claim, text))) {
    const rival = await readLock(claim)
    const isDead = rival !== undefined && !holder(parseOwner(rival))
    if (isDead) throw new CliError(`${claim}: left by a command that was killed; remove this file`)
    return false
  }
  try {
    if ((await readLock(file)) !== stale) return false
    await writeFileAtomically(file, text)
    return true
  } finally {
    await rm(claim, { force: true })
  }
}

/** @param taken what the lock file holds now */
const heldLock = (file: string, owner: Owner, taken: string): WorkspaceLock => {
  let written = taken
  return {
    noteStage: async pid => {
      written = JSON.stringify(pid === undefined ? owner : { ...owner, stage: identityOf(pid) })
      await writeFileAtomically(file, written)
    },
    release: async () => {
      if ((await readLock(file)) === written) await rm(file, { force: true })
    },
  }
}

/** @throws CliError where another command works in the workspace */
export const lockWorkspace = async (workspace: string): Promise<WorkspaceLock> => {
  const file = join(workspace, 'lock')
  const owner: Owner = {
    ...identityOf(process.pid),
    host: hostname(),
    since: new Date().toISOString(),
  }
  const own = JSON.stringify(owner)
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (await create(file, own)) return heldLock(file, owner, own)
    const text = await readLock(file)
    if (text === undefined) continue
    const found = parseOwner(text)
    const who = holder(found)
    if (who)
      throw new CliError(
        `${workspace}: ${who} has worked here since ${found?.since}; wait for it, stop it, or choose another --workspace`,
      )
    if (await takeOver(file, text, own)) return heldLock(file, owner, own)
  }
  throw new CliError(`${file}: could not be taken; try again`)
}
