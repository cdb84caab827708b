/** The kind `TuningExperiment`: names, schema of the whole object, printer columns. */

import { GROUP, VERSION } from './api-group.ts'
import type { KindDefinition } from './custom-resource-definition.ts'
import {
  EXPERIMENT_CONDITIONS,
  EXPERIMENT_PHASES,
  EXPERIMENT_REASONS,
} from './experiment-conditions.ts'
import { labelNamedSchema } from './object-schema.ts'
import { column, MESSAGE_COLUMN } from './printer-column.ts'
import type { ResolvedExperimentSpec } from './resolved-spec.ts'
import { schemaNode } from './schema-node.ts'
import { TuningExperimentSpecSchema } from './tuning-experiment-spec.ts'
import { TuningExperimentStatusSchema } from './tuning-experiment-status.ts'

export const EXPERIMENT_KIND = 'TuningExperiment'

/** As it comes out of validation: every default filled in. */
export type ResolvedExperimentObject = {
  readonly metadata: { readonly name: string }
  readonly spec: ResolvedExperimentSpec
}

const SCHEMA = labelNamedSchema({
  kind: EXPERIMENT_KIND,
  description: 'Many tunings over a search space, compared on one score.',
  spec: schemaNode(TuningExperimentSpecSchema),
  status: schemaNode(TuningExperimentStatusSchema),
})

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
    MESSAGE_COLUMN,
  ],
}
