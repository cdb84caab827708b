import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { cacheFolder } from './paths.ts'
import { identify, isAlive, type ProcessId } from './processes.ts'
import { say } from './say.ts'

const holderOf = (file: string): ProcessId | undefined => {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as ProcessId
  } catch {
    return undefined
  }
}

const tryLock = (file: string): boolean => {
  try {
    writeFileSync(file, JSON.stringify(identify(process.pid)), { flag: 'wx' })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return false
  }
}

/** Runs `work` while no other process holds the lock `name`; a dead holder's lock is taken over. */
export const withLock = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
  mkdirSync(cacheFolder, { recursive: true })
  const file = join(cacheFolder, `${name}.lock`)
  let told = false
  while (!tryLock(file)) {
    const holder = holderOf(file)
    if (holder !== undefined && !isAlive(holder)) {
      rmSync(file, { force: true })
      continue
    }
    if (!told) say(`waiting for process ${holder?.pid ?? '(starting)'} to finish: ${name}`)
    told = true
    await sleep(500)
  }
  try {
    return await work()
  } finally {
    rmSync(file, { force: true })
  }
}
