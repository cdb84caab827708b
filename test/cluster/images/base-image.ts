/** Debian and Node in an image, where the one that the Dockerfiles name cannot be pulled. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { run } from '../run-command.ts'
import { say } from '../say.ts'
import { commitImage, imageExists, storageFolder } from './buildah.ts'

/** The harness runs on the very Node that the repository pins, so that is the image's. */
export const baseImage = `localhost/attune-node-base:${process.versions.node}`

/** Of no use in a container and a quarter of its size. */
const emptied = [
  '/usr/share/doc',
  '/usr/share/man',
  '/usr/share/locale',
  '/var/cache/apt',
  '/var/lib/apt/lists',
]

const bootstrap = async (folder: string): Promise<void> => {
  say('making a Debian root file system, about 30 s')
  await run('debootstrap', ['--variant=minbase', 'bookworm', folder], { timeoutMs: 900_000 })
  for (const path of emptied) {
    rmSync(join(folder, path), { recursive: true, force: true })
    mkdirSync(join(folder, path), { recursive: true })
  }
}

export const ensureBaseImage = async (): Promise<void> => {
  if (await imageExists(baseImage)) return
  mkdirSync(storageFolder, { recursive: true })
  const folder = mkdtempSync(join(storageFolder, 'debian-'))
  try {
    await bootstrap(folder)
    say(`making ${baseImage}`)
    await commitImage({
      image: baseImage,
      from: 'scratch',
      files: [
        [folder, '/'],
        [process.execPath, '/usr/local/bin/node'],
      ],
      // The same user as in the official image.
      commands: ['groupadd --gid 1000 node && useradd --uid 1000 --gid node --create-home node'],
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
