/** Deterministic names and labels of everything that belongs to a dataset. */
import { GROUP } from '@attune/crds/api-group.ts'
import { CURATE } from '@attune/crds/stage.ts'
import { FIELD_MANAGER, STAGE_LABEL, shortName } from '../job/names.ts'
import type { InstructionDataset } from './kinds.ts'

export const DATASET_LABEL = `${GROUP}/dataset`
/** Key of the content that an object was made for. */
export const CONTENT_LABEL = `${GROUP}/content`

const KEY_LENGTH = 10

export const claimName = (name: string) => shortName(name, '-dataset')
export const datasetFileName = (name: string, key: string) =>
  shortName(name, `-${key.slice(0, KEY_LENGTH)}`)
export const curateJobName = (name: string, key: string) =>
  shortName(name, `-${key.slice(0, KEY_LENGTH)}-${CURATE}`)

/** Where jobs find a content, and the key in it. */
export const preparedUri = (name: string, key: string) =>
  `pvc://${claimName(name)}/${CURATE}/${key}`
export const keyOfUri = (uri: string): string => uri.slice(uri.lastIndexOf('/') + 1)

/** Of the pods: what else a pod of ours carries is of a job. */
export const podLabelsOf = (dataset: InstructionDataset, key: string) => ({
  ...labelsOf(dataset, key),
  [STAGE_LABEL]: CURATE,
})

export const labelsOf = ({ metadata }: InstructionDataset, key?: string) => ({
  // not app.kubernetes.io/instance: Argo CD tracks what it owns by it
  'app.kubernetes.io/name': 'attune',
  'app.kubernetes.io/component': 'dataset',
  'app.kubernetes.io/part-of': 'attune',
  'app.kubernetes.io/managed-by': FIELD_MANAGER,
  [DATASET_LABEL]: metadata.name,
  ...(key === undefined ? {} : { [CONTENT_LABEL]: key }),
})
