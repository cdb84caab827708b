/** Processes known by pid and start time, so that a reused pid is never taken for ours. */
import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, statSync } from 'node:fs'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'

export type ProcessId = { readonly pid: number; readonly startTime: string }

const statFields = (pid: number): string[] | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The second field is the command in brackets and may hold spaces.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
  }
}

/** The start time in clock ticks since boot (field 22 of /proc/PID/stat, proc(5)). */
export const startTimeOf = (pid: number): string | undefined => statFields(pid)?.[19]

export const identify = (pid: number): ProcessId => ({ pid, startTime: startTimeOf(pid) ?? 'gone' })

/**
 * A killed process is a zombie as soon as its first thread is gone; the others hold its ports a little longer. State and
 * number of threads are fields 3 and 20 of /proc/PID/stat.
 */
export const isAlive = ({ pid, startTime }: ProcessId): boolean => {
  const fields = statFields(pid)
  if (fields === undefined || fields[19] !== startTime) return false
  return fields[0] !== 'Z' || Number(fields[17]) > 1
}

export type ProcessOptions = {
  readonly command: string
  readonly args: readonly string[]
  readonly logFile: string
  readonly env?: Readonly<Record<string, string>>
}

/** Starts a process in a session of its own: Ctrl-C reaches the harness, which stops it in order. */
export const startProcess = ({ command, args, logFile, env }: ProcessOptions): ProcessId => {
  const log = openSync(logFile, 'a')
  try {
    const child = spawn(command, args, {
      detached: true,
      stdio: ['ignore', log, log],
      env: { ...process.env, ...env },
    })
    child.on('error', () => {}) // an absent program shows as a missing pid below
    child.unref()
    if (child.pid === undefined) throw new Error(`cannot start ${command}: is it installed?`)
    return identify(child.pid)
  } finally {
    closeSync(log)
  }
}

const signal = (id: ProcessId, name: NodeJS.Signals): void => {
  if (!isAlive(id)) return
  try {
    process.kill(id.pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Asks a process to end, and ends it if it has not after `graceMs`. */
export const stopProcess = async (id: ProcessId, graceMs = 5000): Promise<void> => {
  if (graceMs > 0) signal(id, 'SIGTERM')
  const deadline = Date.now() + graceMs
  while (isAlive(id) && Date.now() < deadline) await sleep(50)
  signal(id, 'SIGKILL')
  while (isAlive(id)) await sleep(20)
}

/** The last part of a log, for an error message. */
export const tailOf = (logFile: string, characters = 2000): string => {
  try {
    if (statSync(logFile).size === 0) return '(its log is empty)'
    return readFileSync(logFile, 'utf8').slice(-characters)
  } catch {
    return '(it wrote no log)'
  }
}
