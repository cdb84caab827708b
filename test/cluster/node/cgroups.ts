/** A cgroup of our own in every hierarchy, so that pods are found and ended after a crash. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'

const cgroupMounts = (): string[] =>
  readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map(line => line.split(' '))
    .filter(([, , type]) => type === 'cgroup' || type === 'cgroup2')
    .map(([, folder]) => folder as string)

/** In cgroup v2 a controller reaches a child only if its parent hands it down. */
const handDownControllers = (folder: string): void => {
  const file = join(folder, 'cgroup.controllers')
  if (!existsSync(file)) return
  for (const controller of readFileSync(file, 'utf8').trim().split(/\s+/).filter(Boolean)) {
    writeFileSync(join(folder, 'cgroup.subtree_control'), `+${controller}`)
  }
}

/** The v1 cpuset hierarchy admits no process before its cpus and mems are set. */
const inheritCpuset = (parent: string, folder: string): void => {
  for (const name of ['cpuset.cpus', 'cpuset.mems']) {
    if (!existsSync(join(parent, name)) || existsSync(join(folder, 'cgroup.controllers'))) continue
    writeFileSync(join(folder, name), readFileSync(join(parent, name)))
  }
}

export const createCgroup = (name: string): void => {
  for (const parent of cgroupMounts()) {
    const folder = join(parent, name)
    mkdirSync(folder, { recursive: true })
    inheritCpuset(parent, folder)
    const isOnlyHierarchy = existsSync('/sys/fs/cgroup/cgroup.controllers')
    if (isOnlyHierarchy) {
      handDownControllers(parent)
      handDownControllers(folder)
    }
  }
}

const foldersUnder = (folder: string): string[] => {
  if (!existsSync(folder)) return []
  const children = readdirSync(folder, { withFileTypes: true }).filter(e => e.isDirectory())
  return [...children.flatMap(child => foldersUnder(join(folder, child.name))), folder]
}

const killIn = (folder: string): void => {
  const pids = readFileSync(join(folder, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean)
  for (const pid of pids) {
    try {
      process.kill(Number(pid), 'SIGKILL')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}

const tryRemove = (folders: readonly string[]): boolean => {
  for (const folder of folders) {
    try {
      killIn(folder)
      rmdirSync(folder)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EBUSY') return false // a killed process has not been reaped yet
      if (code !== 'ENOENT' && code !== 'ENODEV') throw error
    }
  }
  return true
}

/** Ends every process in the cgroup and removes it. */
export const removeCgroup = async (name: string): Promise<void> => {
  const deadline = Date.now() + 15_000
  while (!tryRemove(cgroupMounts().flatMap(mount => foldersUnder(join(mount, name))))) {
    if (Date.now() > deadline) throw new Error(`cgroup ${name} still holds processes after 15 s`)
    await sleep(100)
  }
}
