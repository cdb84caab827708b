/** The kind `TuningPolicy`: what the API server and the operator hold jobs to, and how far it reaches. */
import { GROUP, VERSION } from './api-group.ts'
import type { KindDefinition } from './custom-resource-definition.ts'
import { objectSchema } from './object-schema.ts'
import { column, MESSAGE_COLUMN } from './printer-column.ts'
import { schemaNode } from './schema-node.ts'
import { POLICY_CONDITIONS, POLICY_REASONS } from './tuning-policy-conditions.ts'
import { TuningPolicySpecSchema } from './tuning-policy-spec.ts'
import { TuningPolicyStatusSchema } from './tuning-policy-status.ts'

export const POLICY_KIND = 'TuningPolicy'

const SCHEMA = objectSchema({
  kind: POLICY_KIND,
  description:
    'What the tenants of a set of namespaces may ask for. Policies that select the same namespace all hold; a namespace that none selects is not limited.',
  spec: schemaNode(TuningPolicySpecSchema),
  status: schemaNode(TuningPolicyStatusSchema),
})

const ready = (field: 'status' | 'reason') => `.status.conditions[?(@.type=="Ready")].${field}`

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
  vocabulary: { conditions: POLICY_CONDITIONS, reasons: POLICY_REASONS },
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
    column('Namespaces', 'integer', '.status.namespaces', 'Namespaces that it selects.'),
    column('Held', 'integer', '.status.heldJobs', 'Jobs that it holds back.'),
    column('Ready', 'string', ready('status'), 'Whether the operator has taken it in.'),
    column('Reason', 'string', ready('reason'), 'Whether it limits anybody.'),
    column('Age', 'date', '.metadata.creationTimestamp', 'Time since the policy was created.'),
    column('Selector', 'string', '.spec.namespaceSelector', 'Namespaces that it is for.', 1),
    column('Models', 'string', '.spec.allowedModelSources', 'Where models may come from.', 1),
    column('Data', 'string', '.spec.allowedDatasetSources', 'Where examples may come from.', 1),
    column('Outputs', 'string', '.spec.allowedOutputs', 'Where results may go.', 1),
    column('Held-Datasets', 'integer', '.status.heldDatasets', 'Datasets that it holds back.', 1),
    MESSAGE_COLUMN,
  ],
}
