/** The kind `InstructionDataset`: names, schema of the whole object, printer columns. */

import { type API_VERSION, GROUP, VERSION } from './api-group.ts'
import type { KindDefinition } from './custom-resource-definition.ts'
import { DATASET_CONDITIONS, DATASET_PHASES, DATASET_REASONS } from './dataset-conditions.ts'
import { InstructionDatasetSpecSchema } from './instruction-dataset-spec.ts'
import { InstructionDatasetStatusSchema } from './instruction-dataset-status.ts'
import { labelNamedSchema } from './object-schema.ts'
import { column, MESSAGE_COLUMN } from './printer-column.ts'
import type { ResolvedInstructionDatasetSpec } from './resolved-spec.ts'
import { schemaNode } from './schema-node.ts'

export const DATASET_KIND = 'InstructionDataset'

/** A dataset with every default filled in. */
export type ResolvedDatasetObject = {
  readonly apiVersion: typeof API_VERSION
  readonly kind: typeof DATASET_KIND
  readonly metadata: { readonly name: string; readonly namespace?: string }
  readonly spec: ResolvedInstructionDatasetSpec
}

const SCHEMA = labelNamedSchema({
  kind: DATASET_KIND,
  description: 'Instruction-output pairs, read and checked once and shared by jobs.',
  spec: schemaNode(InstructionDatasetSpecSchema),
  status: schemaNode(InstructionDatasetStatusSchema),
})

export const INSTRUCTION_DATASET: KindDefinition = {
  group: GROUP,
  version: VERSION,
  kind: DATASET_KIND,
  plural: 'instructiondatasets',
  singular: 'instructiondataset',
  shortNames: ['ids'],
  categories: ['attune'],
  scope: 'Namespaced',
  page: 'instruction-dataset.md',
  vocabulary: {
    phases: DATASET_PHASES,
    conditions: DATASET_CONDITIONS,
    reasons: DATASET_REASONS,
  },
  schema: SCHEMA,
  printerColumns: [
    column('Phase', 'string', '.status.phase', 'How far it is.'),
    column('Examples', 'integer', '.status.examples', 'Examples to train on.'),
    column('Held-out', 'integer', '.status.validationExamples', 'Examples held out.'),
    column('Duplicates', 'integer', '.status.report.duplicates', 'Examples left out as repeated.'),
    column('Age', 'date', '.metadata.creationTimestamp', 'Time since it was created.'),
    column('Content', 'string', '.status.contentHash', 'Hash of the content.', 1),
    MESSAGE_COLUMN,
  ],
}
