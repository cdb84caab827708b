/** `attune run` as a process: killed with its stage at a step if asked to, its largest process watched. */
import { spawn } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import {
  identityOf,
  isRunning,
  type ProcessIdentity,
} from '../../../cli/src/workspace/process-identity.ts'

const CLI = fileURLToPath(new URL('../../../cli/src/main.ts', import.meta.url))
const EVERY_MS = 500

export type Ended = { readonly code: number | null; readonly peakBytes: number }

const textOf = (path: string) => readFile(path, 'utf8').catch(() => '')

/** @returns the last whole step in any metrics.jsonl of the workspace; 0 before the first */
export const stepsDone = async (workspace: string): Promise<number> => {
  const folder = join(workspace, 'train')
  const keys = await readdir(folder).catch((): string[] => [])
  const logs = await Promise.all(keys.map(key => textOf(join(folder, key, 'metrics.jsonl'))))
  const steps = logs.flatMap(log =>
    [...log.matchAll(/"step":(\d+),/g)].map(found => Number(found[1])),
  )
  return Math.max(0, ...steps)
}

type Process = { readonly pid: number; readonly parent: number }

const processes = async (): Promise<readonly Process[]> => {
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name))
  return Promise.all(
    pids.map(async pid => {
      // after the name in parentheses: state, parent
      const [, parent] = (await textOf(`/proc/${pid}/stat`)).split(') ').at(-1)!.split(' ')
      return { pid: Number(pid), parent: Number(parent) }
    }),
  )
}

/** @returns the process and all below it; a stage is in a process group of its own */
const familyOf = async (root: number): Promise<readonly number[]> => {
  const family = [root]
  const all = await processes()
  for (const pid of family)
    family.push(...all.filter(({ parent }) => parent === pid).map(child => child.pid))
  return family
}

/** @returns the most memory that one of the processes has held, bytes */
const peakOf = async (pids: readonly number[]): Promise<number> => {
  const peaks = pids.map(async pid => {
    const status = await textOf(`/proc/${pid}/status`)
    return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024
  })
  return Math.max(0, ...(await Promise.all(peaks)))
}

const kill = (pid: number) => {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // it has ended by itself
  }
}

/** How long the memory of gigabytes may take to be given back. */
const GONE_SECONDS = 60

/** A process that was killed holds its workspace as long as the lock there takes it for running. */
const allGone = async (family: readonly ProcessIdentity[]): Promise<void> => {
  for (let tries = 0; tries < GONE_SECONDS * 10; tries++) {
    if (!family.some(isRunning)) return
    await sleep(100)
  }
  const pids = family.map(({ pid }) => pid).join(', ')
  throw new Error(`processes ${pids} are still there ${GONE_SECONDS} s after SIGKILL`)
}

type Run = {
  readonly manifest: string
  readonly workspace: string
  /** step at which command and stage are killed */
  readonly killAt?: number
  readonly say: (line: string) => void
}

export const attuneRun = async ({ manifest, workspace, killAt, say }: Run): Promise<Ended> => {
  const args = [CLI, 'run', manifest, '--workspace', workspace]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  child.stdout.on('data', chunk => say(String(chunk).trimEnd()))
  const ended = new Promise<number | null>(resolve => child.once('close', resolve))
  let peakBytes = 0
  const runs = () => child.exitCode === null && child.signalCode === null
  while (child.pid !== undefined && runs()) {
    const family = await familyOf(child.pid)
    peakBytes = Math.max(peakBytes, await peakOf(family))
    if (killAt !== undefined && (await stepsDone(workspace)) >= killAt && runs()) {
      const identities = family.map(identityOf)
      for (const pid of family) kill(pid)
      await ended
      await allGone(identities)
    }
    await Promise.race([ended, sleep(EVERY_MS)])
  }
  return { code: await ended, peakBytes }
}
