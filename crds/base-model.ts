/** The kind `BaseModel`: an entry of the catalogue. It has no status: nobody but its author says anything of it. */
import { BaseModelSpecSchema } from './base-model-spec.ts'
import type { KindDefinition, PrinterColumn } from './custom-resource-definition.ts'
import { API_VERSION, GROUP, VERSION } from './instruction-tuning-job.ts'
import { type SchemaNode, schemaNode } from './schema-node.ts'

export const BASE_MODEL_KIND = 'BaseModel'

const SCHEMA: SchemaNode = {
  type: 'object',
  description:
    'A pre-trained model: where it is, and the published facts that a selection weighs. Jobs name it, or say what they need of one.',
  required: ['spec'],
  properties: {
    apiVersion: { type: 'string', description: `\`${API_VERSION}\`.` },
    kind: { type: 'string', description: `\`${BASE_MODEL_KIND}\`.` },
    metadata: { type: 'object' },
    spec: schemaNode(BaseModelSpecSchema),
  },
}

const column = (
  name: string,
  type: PrinterColumn['type'],
  jsonPath: string,
  description: string,
  priority: PrinterColumn['priority'] = 0,
): PrinterColumn => ({ name, type, jsonPath, description, priority })

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
  schema: SCHEMA,
  printerColumns: [
    column('Parameters', 'string', '.spec.parameters', 'Number of parameters.'),
    column('Context', 'integer', '.spec.contextLength', 'Longest context in tokens.'),
    column('License', 'string', '.spec.license', 'Its license.'),
    column('Tuned', 'boolean', '.spec.tuned', 'Whether it follows instructions already.'),
    column('Age', 'date', '.metadata.creationTimestamp', 'Time since the entry was created.'),
    column('Architecture', 'string', '.spec.architecture', 'Its class.', 1),
    column('Tokens', 'string', '.spec.pretraining.tokens', 'Tokens that it was trained on.', 1),
    column('Source', 'string', '.spec.source.uri', 'Where it is.', 1),
  ],
}
