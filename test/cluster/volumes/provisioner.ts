/** Gives every claim of the default StorageClass a folder on this machine, and takes it back. */
import { mkdirSync, chmodSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  CoreV1Api,
  KubeConfig,
  type V1PersistentVolume,
  type V1PersistentVolumeClaim,
} from '@kubernetes/client-node'
import { localVolume, provisionerName } from './local-volume.ts'

const claimAnnotation = 'volume.kubernetes.io/storage-provisioner'
const volumeAnnotation = 'pv.kubernetes.io/provisioned-by'

const wantsVolume = ({ metadata, spec, status }: V1PersistentVolumeClaim): boolean =>
  status?.phase === 'Pending' &&
  spec?.volumeName === undefined &&
  metadata?.annotations?.[claimAnnotation] === provisionerName

const isReleased = ({ metadata, status }: V1PersistentVolume): boolean =>
  status?.phase === 'Released' &&
  metadata?.deletionTimestamp === undefined &&
  metadata?.annotations?.[volumeAnnotation] === provisionerName

const volumeFor = (
  { metadata, spec }: V1PersistentVolumeClaim,
  folder: string,
): V1PersistentVolume => {
  const volume = localVolume({
    name: `claim-${metadata?.uid}`,
    folder,
    size: spec?.resources?.requests?.['storage'] ?? '1Gi',
    accessModes: spec?.accessModes ?? ['ReadWriteOnce'],
  })
  return {
    ...volume,
    metadata: { ...volume.metadata, annotations: { [volumeAnnotation]: provisionerName } },
    spec: {
      ...volume.spec,
      storageClassName: spec?.storageClassName as string,
      persistentVolumeReclaimPolicy: 'Delete',
      claimRef: {
        kind: 'PersistentVolumeClaim',
        name: metadata?.name as string,
        namespace: metadata?.namespace as string,
        uid: metadata?.uid as string,
      },
    },
  }
}

const provision = async (
  core: CoreV1Api,
  claim: V1PersistentVolumeClaim,
  root: string,
): Promise<void> => {
  const folder = join(root, `${claim.metadata?.namespace}-${claim.metadata?.name}`)
  mkdirSync(folder, { recursive: true })
  chmodSync(folder, 0o777)
  await core.createPersistentVolume({ body: volumeFor(claim, folder) })
}

const reclaim = async (core: CoreV1Api, volume: V1PersistentVolume): Promise<void> => {
  rmSync(volume.spec?.local?.path as string, { recursive: true, force: true })
  await core.deletePersistentVolume({ name: volume.metadata?.name as string })
}

const pass = async (core: CoreV1Api, root: string): Promise<void> => {
  const { items: volumes } = await core.listPersistentVolume()
  const { items: claims } = await core.listPersistentVolumeClaimForAllNamespaces()
  const made = new Set(volumes.map(({ metadata }) => metadata?.name))
  for (const claim of claims.filter(wantsVolume)) {
    if (!made.has(`claim-${claim.metadata?.uid}`)) await provision(core, claim, root)
  }
  for (const volume of volumes.filter(isReleased)) await reclaim(core, volume)
}

const [kubeconfig, root] = process.argv.slice(2)
if (kubeconfig === undefined || root === undefined) {
  throw new TypeError('usage: provisioner.ts KUBECONFIG FOLDER')
}
const config = new KubeConfig()
config.loadFromFile(kubeconfig)
const core = config.makeApiClient(CoreV1Api)
for (;;) {
  try {
    await pass(core, root)
  } catch (error) {
    // The API server may be away while a test restarts it; the next pass starts afresh.
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
  }
  await sleep(500)
}
