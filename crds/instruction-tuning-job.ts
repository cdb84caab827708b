/** The kind `InstructionTuningJob`: names, schema of the whole object, printer columns. */
import { type API_VERSION, GROUP, VERSION } from './api-group.ts'
import { CONDITIONS, PHASES, REASONS } from './conditions.ts'
import type { KindDefinition } from './custom-resource-definition.ts'
import { InstructionTuningJobSpecSchema } from './instruction-tuning-job-spec.ts'
import { InstructionTuningJobStatusSchema } from './instruction-tuning-job-status.ts'
import { labelNamedSchema } from './object-schema.ts'
import { column, MESSAGE_COLUMN } from './printer-column.ts'
import type { ResolvedSpec } from './resolved-spec.ts'
import { schemaNode } from './schema-node.ts'

export const KIND = 'InstructionTuningJob'

/** A job with every default filled in. */
export type ResolvedJob = {
  readonly apiVersion: typeof API_VERSION
  readonly kind: typeof KIND
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly spec: ResolvedSpec
}

const SCHEMA = labelNamedSchema({
  kind: KIND,
  description: 'One tuning: pre-trained model and examples in, tuned and evaluated model out.',
  spec: schemaNode(InstructionTuningJobSpecSchema),
  status: schemaNode(InstructionTuningJobStatusSchema),
})

export const INSTRUCTION_TUNING_JOB: KindDefinition = {
  group: GROUP,
  version: VERSION,
  kind: KIND,
  plural: 'instructiontuningjobs',
  singular: 'instructiontuningjob',
  shortNames: ['itj'],
  categories: ['attune'],
  scope: 'Namespaced',
  page: 'instruction-tuning-job.md',
  vocabulary: { phases: PHASES, conditions: CONDITIONS, reasons: REASONS },
  schema: SCHEMA,
  printerColumns: [
    column('Phase', 'string', '.status.phase', 'How far the job is.'),
    column('Step', 'string', '.status.training.progress', 'Optimizer steps done and in all.'),
    column('Loss', 'number', '.status.training.loss', 'Loss of the last step.'),
    column('Score', 'number', '.status.evaluation.score', "The tuned model's score."),
    column('Model', 'string', '.status.model', 'Where the base model of the run is.'),
    column('Age', 'date', '.metadata.creationTimestamp', 'Time since the job was created.'),
    column(
      'BaseModel',
      'string',
      '.status.selection.baseModel',
      'The model that was taken from the catalogue.',
      1,
    ),
    column('Queue', 'string', '.spec.queueName', 'The LocalQueue.', 1),
    column('GPU', 'integer', '.spec.resources.accelerator.count', 'Accelerators of a pod.', 1),
    column('Tokens/s', 'number', '.status.training.tokensPerSecond', 'Training speed.', 1),
    column('ETA', 'integer', '.status.training.etaSeconds', 'Seconds of training left.', 1),
    column('Run', 'integer', '.status.run', 'Number of the current run.', 1),
    MESSAGE_COLUMN,
  ],
}
