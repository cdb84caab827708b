/** A workspace's production dependencies, as the Dockerfile's stage `dependencies` installs them. */
import { createHash } from 'node:crypto'
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { cacheFolder, repositoryFolder } from '../paths.ts'
import { run } from '../run-command.ts'
import { say } from '../say.ts'

const manifests = (): string[] => [
  'package.json',
  'package-lock.json',
  ...globSync('*/package.json', { cwd: repositoryFolder, exclude: ['node_modules'] }).sort(),
]

const keyOf = (files: readonly string[]): string => {
  const hash = createHash('sha256')
  for (const file of files)
    hash.update(`${file}\0`).update(readFileSync(join(repositoryFolder, file)))
  return hash.digest('hex').slice(0, 16)
}

const install = async (folder: string, workspace: string): Promise<void> => {
  say(`installing the dependencies of ${workspace} for its image`)
  const args = ['ci', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund']
  await run('npm', [...args, `--workspace=${workspace}`], { cwd: folder, timeoutMs: 600_000 })
}

/** Installs outside the image build, which need not reach a registry, and returns the folder. */
export const ensureDependencies = async (workspace: string): Promise<string> => {
  const files = manifests()
  const parent = join(cacheFolder, 'dependencies')
  const folder = join(parent, `${workspace.replace('/', '-')}-${keyOf(files)}`)
  if (existsSync(folder)) return folder
  mkdirSync(parent, { recursive: true })
  const building = mkdtempSync(`${folder}.building-`)
  const root = join(building, 'attune') // the Dockerfile's WORKDIR
  for (const file of files) {
    mkdirSync(dirname(join(root, file)), { recursive: true })
    cpSync(join(repositoryFolder, file), join(root, file))
  }
  await install(root, workspace)
  renameSync(building, folder)
  return folder
}
