/**
 * Node's compile cache: a file whose types were stripped and that was compiled once is read as it then was. Without it
 * each process loads the program that strips types, which takes half a second and 35 MB.
 */
import { mkdirSync } from 'node:fs'
import { constants, enableCompileCache } from 'node:module'
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'

type Environment = Readonly<Record<string, string | undefined>>

/** After the XDG Base Directory Specification, by which a relative path is none. */
export const compileCacheFolder = (env: Environment): string => {
  const { NODE_COMPILE_CACHE: given, XDG_CACHE_HOME: caches = '' } = env
  return given || join(isAbsolute(caches) ? caches : join(homedir(), '.cache'), 'attune/compiled')
}

/** The user's alone: whoever writes there decides what runs. */
const make = (folder: string): void => {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
}

/** For all that is imported after, and for processes that are started; where there can be no folder, nothing changes. */
export const keepCompiled = (env: Record<string, string | undefined>): void => {
  try {
    const folder = compileCacheFolder(env)
    make(folder)
    const { ENABLED, ALREADY_ENABLED } = constants.compileCacheStatus
    const { status } = enableCompileCache(folder)
    if (status === ENABLED || status === ALREADY_ENABLED) env['NODE_COMPILE_CACHE'] = folder
  } catch {
    // no home, or none that can be written: all is compiled anew
  }
}
