/** What containerd leaves outside its own folders when it is ended hard. */
import { existsSync, readdirSync, readFileSync, readlinkSync, rmdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { identify, type ProcessId, stopProcess } from '../processes.ts'
import { podNetworkName } from './addresses.ts'

const cniResults = '/var/lib/cni/results'

const commandLineOf = (pid: string): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}

const shimsOf = (socket: string): ProcessId[] =>
  readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .filter(pid => {
      const words = commandLineOf(pid).split('\0')
      return words[0]?.includes('containerd-shim') === true && words.includes(socket)
    })
    .map(pid => identify(Number(pid)))

const entriesOf = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder) : [])

/** The shim's socket has a name of containerd's choosing under /run/containerd/s. */
const socketOfTask = (folder: string): string | undefined => {
  const file = join(folder, 'address')
  return existsSync(file) ? readFileSync(file, 'utf8').replace('unix://', '').trim() : undefined
}

const removeIfEmpty = (folder: string): void => {
  if (existsSync(folder) && entriesOf(folder).length === 0) rmdirSync(folder)
}

/** CNI names a result NETWORK-SANDBOX-INTERFACE; the loopback's network is not ours alone. */
const removeCniResults = (): void => {
  const names = entriesOf(cniResults)
  const ours = names.filter(name => name.startsWith(`${podNetworkName}-`))
  const sandboxes = ours.map(name => name.split('-')[1] as string)
  for (const name of names.filter(each => sandboxes.some(id => each.includes(id)))) {
    rmSync(join(cniResults, name), { force: true })
  }
}

/** Ends the shims of the containerd at `socket` and removes their sockets and CNI results. */
export const removeShims = async (socket: string, stateFolder: string): Promise<void> => {
  const tasks = join(stateFolder, 'io.containerd.runtime.v2.task', 'k8s.io')
  const ids = entriesOf(tasks)
  for (const shim of shimsOf(socket)) await stopProcess(shim, 0)
  for (const id of ids) {
    const shimSocket = socketOfTask(join(tasks, id))
    if (shimSocket !== undefined) rmSync(shimSocket, { force: true })
  }
  removeCniResults()
  for (const folder of [
    '/run/containerd/s',
    '/run/containerd/fifo',
    '/run/containerd',
    cniResults,
    '/var/lib/cni/networks',
    '/var/lib/cni',
  ]) {
    removeIfEmpty(folder)
  }
}

/** Kubelet links every container's log here, whatever its own folders are. */
export const removeLogLinks = (logFolder: string): void => {
  const links = '/var/log/containers'
  for (const name of entriesOf(links)) {
    if (readlinkSync(join(links, name)).startsWith(logFolder))
      rmSync(join(links, name), { force: true })
  }
  removeIfEmpty(links)
}
