/** The kind `InstructionDataset` as the operator reads it. */
import { GROUP, VERSION } from '@attune/crds/api-group.ts'
import type { InstructionDatasetStatus } from '@attune/crds/instruction-dataset-status.ts'
import type { ResolvedInstructionDatasetSpec } from '@attune/crds/resolved-spec.ts'
import { isTrue } from '../kube/conditions.ts'
import { defineKind, type KubeObject } from '../kube/kube-object.ts'

export const DATASET_KIND = 'InstructionDataset'

/** As the API server stores it: every default of the schema is in. */
export type InstructionDataset = KubeObject<
  ResolvedInstructionDatasetSpec,
  InstructionDatasetStatus
>

export const InstructionDatasets = defineKind<InstructionDataset>({
  group: GROUP,
  version: VERSION,
  plural: 'instructiondatasets',
  kind: DATASET_KIND,
  namespaced: true,
})

/** Status speaks of the spec as it is now. */
export const isUpToDate = ({ metadata, status }: InstructionDataset): boolean =>
  status?.observedGeneration === metadata.generation

export const isReady = (dataset: InstructionDataset): boolean =>
  isUpToDate(dataset) && isTrue(dataset.status?.conditions, 'Ready')
