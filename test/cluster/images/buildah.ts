/** buildah with storage of its own in the cache: no daemon, no registry. */
import { join } from 'node:path'
import { cacheFolder } from '../paths.ts'
import { run } from '../run-command.ts'

export const storageFolder = join(cacheFolder, 'images')

const storage = [
  `--root=${join(storageFolder, 'storage')}`,
  `--runroot=${join(storageFolder, 'run')}`,
  '--storage-driver=overlay',
]

/** A base image takes half a minute, an image of ours as long; both with time to spare. */
const timeoutMs = 900_000

export const buildah = async (...args: readonly string[]): Promise<string> =>
  (await run('buildah', [...storage, ...args], { timeoutMs })).trim()

export const imageExists = async (image: string): Promise<boolean> =>
  (await buildah('images', '--format={{.Name}}:{{.Tag}}')).split('\n').includes(image)

export type CopiedImage = {
  readonly image: string
  readonly from: string
  /** Pairs of a path here and the path it gets in the image. */
  readonly files: readonly (readonly [string, string])[]
  /** Commands run in the image after the copies. */
  readonly commands?: readonly string[]
  readonly entrypoint?: string
}

/** Makes an image out of files, without a Dockerfile. */
export const commitImage = async (options: CopiedImage): Promise<void> => {
  const { image, from, files, commands = [], entrypoint } = options
  const container = await buildah('from', '--pull-never', from)
  try {
    for (const [source, target] of files) await buildah('copy', container, source, target)
    for (const command of commands) {
      await buildah('run', '--isolation=chroot', container, 'sh', '-c', command)
    }
    if (entrypoint !== undefined) {
      await buildah('config', '--entrypoint', JSON.stringify([entrypoint]), container)
    }
    await buildah('commit', '--quiet', container, image)
  } finally {
    await buildah('rm', container)
  }
}

/** Writes an image with its name as `docker save` does, uncompressed: it is read right away. */
export const saveImage = async (image: string, archive: string): Promise<void> => {
  await buildah('push', '--quiet', image, `docker-archive:${archive}:${image}`)
}
