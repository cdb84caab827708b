/** The kind `TuningPolicy`: names, schema of the whole object, printer columns. It has no status: the API server enforces it. */
import { GROUP, VERSION } from './api-group.ts'
import type { KindDefinition } from './custom-resource-definition.ts'
import { objectSchema } from './object-schema.ts'
import { column } from './printer-column.ts'
import { schemaNode } from './schema-node.ts'
import { TuningPolicySpecSchema } from './tuning-policy-spec.ts'

export const POLICY_KIND = 'TuningPolicy'

const SCHEMA = objectSchema({
  kind: POLICY_KIND,
  description:
    'What the tenants of a set of namespaces may ask for. Policies that select the same namespace all hold; a namespace that none selects is not limited.',
  spec: schemaNode(TuningPolicySpecSchema),
})

export const TUNING_POLICY: KindDefinition = {
  group: GROUP,
  version: VERSION,
  kind: POLICY_KIND,
  plural: 'tuningpolicies',
  singular: 'tuningpolicy',
  shortNames: ['tp'],
  categories: ['attune'],
  scope: 'Cluster',
  page: 'tuning-policy.md',
  schema: SCHEMA,
  printerColumns: [
    column(
      'Accelerators',
      'integer',
      '.spec.maxAcceleratorsPerJob',
      'Most accelerators that a job may ask for.',
    ),
    column('Queue', 'string', '.spec.requireQueue', 'Whether a job must name a queue.'),
    column('Methods', 'string', '.spec.allowedMethods', 'Tuning methods that are allowed.'),
    column('Tokens', 'integer', '.spec.maxSequenceLength', 'Longest row in tokens.'),
    column('Age', 'date', '.metadata.creationTimestamp', 'Time since the policy was created.'),
    column('Namespaces', 'string', '.spec.namespaceSelector', 'Namespaces that it is for.', 1),
    column('Models', 'string', '.spec.allowedModelSources', 'Where models may come from.', 1),
    column('Data', 'string', '.spec.allowedDatasetSources', 'Where examples may come from.', 1),
    column('Outputs', 'string', '.spec.allowedOutputs', 'Where results may go.', 1),
  ],
}
