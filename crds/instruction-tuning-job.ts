/** The kind `InstructionTuningJob`: names, schema of the whole object, printer columns. */
import { CONDITIONS, PHASES, REASONS } from './conditions.ts'
import type { KindDefinition, PrinterColumn } from './custom-resource-definition.ts'
import { InstructionTuningJobSpecSchema } from './instruction-tuning-job-spec.ts'
import { InstructionTuningJobStatusSchema } from './instruction-tuning-job-status.ts'
import type { ResolvedSpec } from './resolved-spec.ts'
import { type SchemaNode, schemaNode } from './schema-node.ts'

export const GROUP = 'attune.dev'
export const VERSION = 'v1alpha1'
export const API_VERSION = `${GROUP}/${VERSION}`
export const KIND = 'InstructionTuningJob'
/** A DNS-1123 label: names of pods, Jobs and claims are made of it. */
export const NAME_MAX = 63
export const NAME_PATTERN = '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$'

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

const SCHEMA: SchemaNode = {
  type: 'object',
  description: 'One tuning: pre-trained model and examples in, tuned and evaluated model out.',
  required: ['spec'],
  properties: {
    apiVersion: { type: 'string', description: `\`${API_VERSION}\`.` },
    kind: { type: 'string', description: `\`${KIND}\`.` },
    // named here so that a rule may point at it
    metadata: { type: 'object', properties: { name: { type: 'string' } } },
    spec: schemaNode(InstructionTuningJobSpecSchema),
    status: schemaNode(InstructionTuningJobStatusSchema),
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
    column('Model', 'string', '.spec.model.source.uri', 'The base model.'),
    column('Age', 'date', '.metadata.creationTimestamp', 'Time since the job was created.'),
    column(
      'BaseModel',
      'string',
      '.status.selection.baseModel',
      'The model that was taken from the catalogue.',
      1,
    ),
    column('Queue', 'string', '.spec.queueName', 'The LocalQueue.', 1),
    column('Tokens/s', 'number', '.status.training.tokensPerSecond', 'Training speed.', 1),
    column('ETA', 'number', '.status.training.etaSeconds', 'Seconds of training left.', 1),
    column('Run', 'integer', '.status.run', 'Number of the current run.', 1),
    column(
      'Message',
      'string',
      '.status.conditions[?(@.type=="Ready")].message',
      'What happens just now, or why it failed.',
      1,
    ),
  ],
}
