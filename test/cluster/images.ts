/** The images of the cluster under test, built from the repository's own Dockerfiles. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { binary, ensureBinaries } from './binaries.ts'
import { baseImage, ensureBaseImage } from './images/base-image.ts'
import { buildah, commitImage, imageExists, saveImage, storageFolder } from './images/buildah.ts'
import { ensureDependencies } from './images/dependencies.ts'
import { withLock } from './lock.ts'
import { pauseImage } from './node/containerd.ts'
import { repositoryFolder } from './paths.ts'
import type { RunRecord } from './run-record.ts'
import { say } from './say.ts'

type Image = {
  readonly tag: string
  /** Absent: the base image itself. */
  readonly dockerfile?: string
  readonly target?: string
  readonly workspace?: string
}

const images = {
  base: { tag: baseImage },
  trainer: {
    tag: 'localhost/attune-trainer:test',
    dockerfile: 'trainer-image/Dockerfile',
    target: 'cpu',
    workspace: '@attune/trainer',
  },
  operator: {
    tag: 'localhost/attune-operator:test',
    dockerfile: 'operator/Dockerfile',
    workspace: '@attune/operator',
  },
} as const satisfies Record<string, Image>

export type ImageName = keyof typeof images

export const imageNames = Object.keys(images) as ImageName[]

/** What a pod's `image` field says; the tag is not `latest`, so nothing is pulled. */
export const imageTag = (name: ImageName): string => images[name].tag

const buildFrom = async (name: ImageName, { dockerfile, target, workspace, tag }: Image) => {
  await ensureBaseImage()
  if (dockerfile === undefined || workspace === undefined) return
  const dependencies = await ensureDependencies(workspace)
  say(`building the ${name} image from ${dockerfile}`)
  await buildah(
    'build',
    '--quiet',
    '--isolation=chroot',
    '--layers',
    '--pull-never',
    `--build-arg=BASE_IMAGE=${baseImage}`,
    `--build-context=dependencies=${dependencies}`,
    `--file=${join(repositoryFolder, dockerfile)}`,
    ...(target === undefined ? [] : [`--target=${target}`]),
    `--tag=${tag}`,
    repositoryFolder,
  )
}

const withStorage = async <T>(record: RunRecord, work: () => Promise<T>): Promise<T> => {
  record.add({ kind: 'mounts', under: storageFolder })
  return withLock('images', work)
}

/** Builds images and returns an archive of each. */
export const imageArchives = (record: RunRecord, names: readonly ImageName[]): Promise<string[]> =>
  withStorage(record, async () => {
    // All of them before any build: new ones prune the layers of the old.
    for (const name of names) {
      const { workspace }: Image = images[name]
      if (workspace !== undefined) await ensureDependencies(workspace)
    }
    const archives: string[] = []
    for (const name of names) {
      await buildFrom(name, images[name])
      const archive = join(record.folder, `${name}.tar`)
      await saveImage(images[name].tag, archive)
      archives.push(archive)
    }
    return archives
  })

/** The archive of the image that holds a pod's namespaces open. */
export const pauseArchive = (record: RunRecord): Promise<string> =>
  withStorage(record, async () => {
    await ensureBinaries(['pause'])
    if (!(await imageExists(pauseImage))) {
      await commitImage({
        image: pauseImage,
        from: 'scratch',
        files: [[binary('pause'), '/pause']],
        entrypoint: '/pause',
      })
    }
    const archive = join(record.folder, 'pause.tar')
    if (!existsSync(archive)) await saveImage(pauseImage, archive)
    return archive
  })
