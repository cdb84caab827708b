import type { V1PersistentVolume } from '@kubernetes/client-node'
import { nodeName } from '../node/addresses.ts'

export const storageClassName = 'attune-local'
export const provisionerName = 'attune.test/local-folder'

/** The default class: claims that name none get a folder on the node. */
export const storageClass = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: {
    name: storageClassName,
    annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' },
  },
  provisioner: provisionerName,
  reclaimPolicy: 'Delete',
  volumeBindingMode: 'Immediate',
}

export type LocalVolumeOptions = {
  readonly name: string
  readonly folder: string
  readonly size: string
  readonly accessModes?: string[]
}

/** A volume that is a folder on the node; unlike hostPath, kubelet applies fsGroup to it. */
export const localVolume = ({
  name,
  folder,
  size,
  accessModes = ['ReadWriteOnce'],
}: LocalVolumeOptions): V1PersistentVolume => ({
  apiVersion: 'v1',
  kind: 'PersistentVolume',
  metadata: { name },
  spec: {
    capacity: { storage: size },
    accessModes,
    persistentVolumeReclaimPolicy: 'Retain',
    storageClassName: '',
    local: { path: folder },
    nodeAffinity: {
      required: {
        nodeSelectorTerms: [
          {
            matchExpressions: [
              { key: 'kubernetes.io/hostname', operator: 'In', values: [nodeName] },
            ],
          },
        ],
      },
    },
  },
})
