/** tap itself, with the plugins that package.json chooses built in. */
import { execFile } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import { repositoryFolder } from '../cluster/paths.ts'

export const tapProgram = join(repositoryFolder, 'node_modules', 'tap', 'dist', 'esm', 'run.mjs')

// Goes away with node_modules, and with it what was built there.
const markerFile = join(repositoryFolder, 'node_modules', '.tap-plugins')

/**
 * The first `tap run` after an install builds the plugins but runs with the default ones, whose
 * TypeScript loader fails here: so they are built beforehand.
 */
export const buildTapPlugins = async (): Promise<void> => {
  const { tap } = JSON.parse(readFileSync(join(repositoryFolder, 'package.json'), 'utf8'))
  const wanted = JSON.stringify(tap.plugin)
  if (existsSync(markerFile) && readFileSync(markerFile, 'utf8') === wanted) return
  await promisify(execFile)(process.execPath, [tapProgram, 'build'], { cwd: repositoryFolder })
  writeFileSync(markerFile, wanted)
}
