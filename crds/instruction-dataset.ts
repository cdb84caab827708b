/** The kind `InstructionDataset`: names, schema of the whole object, printer columns. */
import type { KindDefinition, PrinterColumn } from './custom-resource-definition.ts'
import { DATASET_CONDITIONS, DATASET_PHASES, DATASET_REASONS } from './dataset-conditions.ts'
import { InstructionDatasetSpecSchema } from './instruction-dataset-spec.ts'
import { InstructionDatasetStatusSchema } from './instruction-dataset-status.ts'
import { API_VERSION, GROUP, NAME_MAX, NAME_PATTERN, VERSION } from './instruction-tuning-job.ts'
import type { ResolvedInstructionDatasetSpec } from './resolved-spec.ts'
import { type SchemaNode, schemaNode } from './schema-node.ts'

export const DATASET_KIND = 'InstructionDataset'

/** A dataset with every default filled in. */
export type ResolvedDatasetObject = {
  readonly apiVersion: typeof API_VERSION
  readonly kind: typeof DATASET_KIND
  readonly metadata: { readonly name: string; readonly namespace?: string }
  readonly spec: ResolvedInstructionDatasetSpec
}

const SCHEMA: SchemaNode = {
  type: 'object',
  description: 'Instruction-output pairs, read and checked once and shared by jobs.',
  required: ['spec'],
  properties: {
    apiVersion: { type: 'string', description: `\`${API_VERSION}\`.` },
    kind: { type: 'string', description: `\`${DATASET_KIND}\`.` },
    // named here so that a rule may point at it
    metadata: { type: 'object', properties: { name: { type: 'string' } } },
    spec: schemaNode(InstructionDatasetSpecSchema),
    status: schemaNode(InstructionDatasetStatusSchema),
  },
  'x-kubernetes-validations': [
    {
      rule: `self.metadata.name.size() <= ${NAME_MAX} && self.metadata.name.matches('${NAME_PATTERN}')`,
      fieldPath: '.metadata.name',
      message: `must be a DNS-1123 label: at most ${NAME_MAX} of a-z, 0-9 and -, first and last no -`,
    },
  ],
}

const column = (
  name: string,
  type: PrinterColumn['type'],
  jsonPath: string,
  description: string,
  priority: PrinterColumn['priority'] = 0,
): PrinterColumn => ({ name, type, jsonPath, description, priority })

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
    column(
      'Message',
      'string',
      '.status.conditions[?(@.type=="Ready")].message',
      'What happens just now, or why it failed.',
      1,
    ),
  ],
}
