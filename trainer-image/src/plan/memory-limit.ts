/** How much memory the process may use: the least limit of the control groups that it is in, else the machine's memory. */
import { readFileSync } from 'node:fs'
import { totalmem } from 'node:os'
import { dirname, join } from 'node:path'

/** Where a controller's folders are mounted, and what its limit is called there. */
type Controller = { readonly mount: string; readonly file: string }

const UNIFIED: Controller = { mount: 'sys/fs/cgroup', file: 'memory.max' }
const VERSION_1: Controller = { mount: 'sys/fs/cgroup/memory', file: 'memory.limit_in_bytes' }

const read = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // no such controller, or a folder outside of the container
    return undefined
  }
}

/** `max`, and version 1's largest number, say that there is none */
const limitIn = (text: string | undefined): number => {
  const limit = Number(text?.trim())
  return Number.isSafeInteger(limit) && limit > 0 ? limit : Number.POSITIVE_INFINITY
}

/** @returns the group and those around it, innermost first: each may set a limit */
const withParents = (group: string): readonly string[] =>
  group === '/' || group === '.' ? ['/'] : [group, ...withParents(dirname(group))]

/** A line of /proc/self/cgroup: `0::/group` of version 2, `9:memory:/group` of version 1. */
const limitOfLine = (root: string, line: string): number => {
  const [, controllers = '', ...rest] = line.split(':')
  const isMemory = controllers.split(',').includes('memory')
  if (controllers !== '' && !isMemory) return Number.POSITIVE_INFINITY
  const { mount, file } = isMemory ? VERSION_1 : UNIFIED
  const limits = withParents(join('/', rest.join(':'))).map(group =>
    limitIn(read(join(root, mount, group, file))),
  )
  return Math.min(...limits)
}

/** @param root of the file system */
export const memoryLimit = (root = '/', machineBytes = totalmem()): number => {
  const lines = (read(join(root, 'proc/self/cgroup')) ?? '').split('\n').filter(line => line)
  return Math.min(machineBytes, ...lines.map(line => limitOfLine(root, line)))
}
