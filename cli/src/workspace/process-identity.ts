/** Tells whether a process that wrote down its identity still runs; a pid alone is given out again. */
import { readFileSync } from 'node:fs'

export type ProcessIdentity = { readonly pid: number; readonly startTime?: string }

/** Field 22 of /proc/<pid>/stat, in ticks since boot; the name before it may hold blanks and parentheses. */
const startTimeOf = (pid: number): string | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    // no /proc: another system than Linux, or no such process
    return undefined
  }
}

export const identityOf = (pid: number): ProcessIdentity => {
  const startTime = startTimeOf(pid)
  return startTime === undefined ? { pid } : { pid, startTime }
}

const exists = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it is there and belongs to another user
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

export const isRunning = ({ pid, startTime }: ProcessIdentity): boolean => {
  if (!Number.isSafeInteger(pid) || pid <= 0 || !exists(pid)) return false
  const now = startTimeOf(pid)
  return startTime === undefined || now === undefined || now === startTime
}
