/**
 * Node's compile cache: a file whose types were stripped and that was compiled once is read as it then was. Without it
 * each process loads the program that strips types, which takes half a second and 35 MB.
 */
import { constants, enableCompileCache } from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'

type Environment = Readonly<Record<string, string | undefined>>

/** A folder of the user's alone: whoever writes there decides what runs. */
export const compileCacheFolder = (env: Environment): string =>
  env['NODE_COMPILE_CACHE'] ||
  join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'attune', 'compiled')

/** For all that is imported after, and for processes that are started; where the folder cannot be written, nothing changes. */
export const keepCompiled = (env: Record<string, string | undefined>): void => {
  const folder = compileCacheFolder(env)
  const { ENABLED, ALREADY_ENABLED } = constants.compileCacheStatus
  const { status } = enableCompileCache(folder)
  if (status === ENABLED || status === ALREADY_ENABLED) env['NODE_COMPILE_CACHE'] = folder
}
