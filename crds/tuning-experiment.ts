/** The kind `TuningExperiment`: names, schema of the whole object, printer columns. */
import type { KindDefinition, PrinterColumn } from './custom-resource-definition.ts'
import {
  EXPERIMENT_CONDITIONS,
  EXPERIMENT_PHASES,
  EXPERIMENT_REASONS,
} from './experiment-conditions.ts'
import { API_VERSION, GROUP, NAME_MAX, NAME_PATTERN, VERSION } from './instruction-tuning-job.ts'
import { type SchemaNode, schemaNode } from './schema-node.ts'
import { TuningExperimentSpecSchema } from './tuning-experiment-spec.ts'
import { TuningExperimentStatusSchema } from './tuning-experiment-status.ts'

export const EXPERIMENT_KIND = 'TuningExperiment'

const SCHEMA: SchemaNode = {
  type: 'object',
  description: 'Many tunings over a search space, compared on one score.',
  required: ['spec'],
  properties: {
    apiVersion: { type: 'string', description: `\`${API_VERSION}\`.` },
    kind: { type: 'string', description: `\`${EXPERIMENT_KIND}\`.` },
    // named here so that a rule may point at it
    metadata: { type: 'object', properties: { name: { type: 'string' } } },
    spec: schemaNode(TuningExperimentSpecSchema),
    status: schemaNode(TuningExperimentStatusSchema),
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

export const TUNING_EXPERIMENT: KindDefinition = {
  group: GROUP,
  version: VERSION,
  kind: EXPERIMENT_KIND,
  plural: 'tuningexperiments',
  singular: 'tuningexperiment',
  shortNames: ['tex'],
  categories: ['attune'],
  scope: 'Namespaced',
  page: 'tuning-experiment.md',
  vocabulary: {
    phases: EXPERIMENT_PHASES,
    conditions: EXPERIMENT_CONDITIONS,
    reasons: EXPERIMENT_REASONS,
  },
  schema: SCHEMA,
  printerColumns: [
    column('Phase', 'string', '.status.phase', 'How far the experiment is.'),
    column('Trials', 'string', '.status.progress', 'Trials that have ended and all trials.'),
    column('Best-score', 'number', '.status.best.score', 'Objective of the best trial so far.'),
    column('Best', 'string', '.status.best.job', 'Job of the best trial so far.'),
    column('Age', 'date', '.metadata.creationTimestamp', 'Time since it was created.'),
    column('Failed', 'integer', '.status.counts.failed', 'Trials that failed.', 1),
    column('Running', 'integer', '.status.counts.running', 'Trials that run.', 1),
    column('Strategy', 'string', '.spec.strategy.type', 'How trials are chosen.', 1),
    column(
      'Message',
      'string',
      '.status.conditions[?(@.type=="Ready")].message',
      'What happens just now, or why it failed.',
      1,
    ),
  ],
}
