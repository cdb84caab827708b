/** One `attune` at a time in a workspace: a lock file that names its owner, taken over when the owner is gone. */
import { createHash } from 'node:crypto'
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

const HASH_LENGTH = 16
const claimOn = (file: string, stale: string): string =>
  `${file}.takeover-${createHash('sha256').update(stale).digest('hex').slice(0, HASH_LENGTH)}`

/** Each is of a command that was killed within the few milliseconds of a take-over. */
const CLAIMS_MAX = 16

/**
 * The right to replace a stale lock, for one command alone. Its file is named after what it replaces, and is never
 * replaced itself: where the command that has it was killed, the right to go on in its place is claimed likewise.
 * @returns the files of the claims that lead there, the own one last; undefined where a command that lives has it
 */
const claim = async (
  file: string,
  stale: string,
  own: string,
): Promise<readonly string[] | undefined> => {
  const claims: string[] = []
  let text = stale
  while (claims.length < CLAIMS_MAX) {
    const next = claimOn(file, text)
    claims.push(next)
    if (await create(next, own)) return claims
    const rival = await readLock(next)
    if (rival === undefined || holder(parseOwner(rival))) return undefined
    text = rival
  }
  throw new CliError(`${file}.takeover-*: left by commands that were killed; remove these files`)
}

/** Of many commands that find the same stale lock one replaces it. */
const takeOver = async (file: string, stale: string, text: string): Promise<boolean> => {
  const claims = await claim(file, stale, text)
  if (!claims) return false
  let isReplaced = false
  try {
    isReplaced = (await readLock(file)) !== stale
    if (isReplaced) return false
    await writeFileAtomically(file, text)
    isReplaced = true
    return true
  } finally {
    // claims on a lock that is replaced mean nothing any more
    for (const left of isReplaced ? claims : claims.slice(-1)) await rm(left, { force: true })
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
