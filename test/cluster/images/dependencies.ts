/** A workspace's production dependencies, as the Dockerfile's stage `dependencies` installs them. */
import { createHash } from 'node:crypto'
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { cacheFolder, repositoryFolder } from '../paths.ts'
import { run } from '../run-command.ts'
import { say } from '../say.ts'
import { buildah } from './buildah.ts'

const manifests = (): string[] => [
  'package.json',
  'package-lock.json',
  ...globSync('*/package.json', { cwd: repositoryFolder, exclude: ['node_modules'] }).sort(),
]

/** The lock file names every dependency of every workspace. */
const lockKey = (): string =>
  createHash('sha256')
    .update(readFileSync(join(repositoryFolder, 'package-lock.json')))
    .digest('hex')
    .slice(0, 16)

/** What other lock files led to, and the image layers that held it. */
const removeOutdated = async (parent: string, prefix: string): Promise<void> => {
  for (const name of readdirSync(parent).filter(each => each.startsWith(prefix))) {
    rmSync(join(parent, name), { recursive: true, force: true })
  }
  await buildah('rmi', '--prune')
}

const install = async (folder: string, workspace: string): Promise<void> => {
  say(`installing the dependencies of ${workspace} for its image`)
  const args = ['ci', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund']
  await run('npm', [...args, `--workspace=${workspace}`], { cwd: folder, timeoutMs: 600_000 })
}

/** Installs outside the image build, which need not reach a registry, and returns the folder. */
export const ensureDependencies = async (workspace: string): Promise<string> => {
  const parent = join(cacheFolder, 'dependencies')
  const prefix = `${workspace.replace('@', '').replace('/', '-')}-`
  const folder = join(parent, `${prefix}${lockKey()}`)
  if (existsSync(folder)) return folder
  mkdirSync(parent, { recursive: true })
  await removeOutdated(parent, prefix)
  const building = mkdtempSync(`${folder}.building-`)
  const root = join(building, 'attune') // the Dockerfile's WORKDIR
  for (const file of manifests()) {
    mkdirSync(dirname(join(root, file)), { recursive: true })
    cpSync(join(repositoryFolder, file), join(root, file))
  }
  await install(root, workspace)
  renameSync(building, folder)
  return folder
}
