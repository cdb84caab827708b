/** The kind `BaseModel`: an entry of the catalogue, and what the operator found at its source. */
import { GROUP, VERSION } from './api-group.ts'
import { BASE_MODEL_CONDITIONS, BASE_MODEL_REASONS } from './base-model-conditions.ts'
import { BaseModelSpecSchema } from './base-model-spec.ts'
import { BaseModelStatusSchema } from './base-model-status.ts'
import type { KindDefinition } from './custom-resource-definition.ts'
import { objectSchema } from './object-schema.ts'
import { column, MESSAGE_COLUMN } from './printer-column.ts'
import { schemaNode } from './schema-node.ts'

export const BASE_MODEL_KIND = 'BaseModel'

const SCHEMA = objectSchema({
  kind: BASE_MODEL_KIND,
  description:
    'A pre-trained model: where it is, and the published facts that a selection weighs. Jobs name it, or say what they need of one.',
  spec: schemaNode(BaseModelSpecSchema),
  status: schemaNode(BaseModelStatusSchema),
})

const ready = (field: 'status' | 'reason') => `.status.conditions[?(@.type=="Ready")].${field}`

export const BASE_MODEL: KindDefinition = {
  group: GROUP,
  version: VERSION,
  kind: BASE_MODEL_KIND,
  plural: 'basemodels',
  singular: 'basemodel',
  shortNames: ['bm'],
  categories: ['attune'],
  scope: 'Cluster',
  page: 'base-model.md',
  vocabulary: { conditions: BASE_MODEL_CONDITIONS, reasons: BASE_MODEL_REASONS },
  schema: SCHEMA,
  printerColumns: [
    column('Parameters', 'string', '.spec.parameters', 'Number of parameters.'),
    column('Context', 'integer', '.spec.contextLength', 'Longest context in tokens.'),
    column('License', 'string', '.spec.license', 'Its license.'),
    column('Tuned', 'boolean', '.spec.tuned', 'Whether it follows instructions already.'),
    column('Ready', 'string', ready('status'), 'Whether jobs may take it.'),
    column('Reason', 'string', ready('reason'), 'What is known of its source.'),
    column('Age', 'date', '.metadata.creationTimestamp', 'Time since the entry was created.'),
    column('Architecture', 'string', '.spec.architecture', 'Its class.', 1),
    column('Tokens', 'string', '.spec.pretraining.tokens', 'Tokens that it was trained on.', 1),
    column('Source', 'string', '.spec.source.uri', 'Where it is.', 1),
    column('Verified', 'date', '.status.lastVerificationTime', 'When the hub last answered.', 1),
    MESSAGE_COLUMN,
  ],
}
