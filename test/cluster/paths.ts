import { homedir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'

/** Everything that outlives one run lies here, outside the work tree. */
export const cacheFolder = process.env['ATTUNE_CACHE'] ?? join(homedir(), '.cache', 'attune')

/** Records of what runs of the harness have started, one file a run. */
export const runsFolder = join(cacheFolder, 'runs')

export const repositoryFolder = join(import.meta.dirname, '..', '..')
