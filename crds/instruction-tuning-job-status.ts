/** `InstructionTuningJob.status`: what the operator answers, written by server-side apply and by nobody else. */
import { OTHER_RESOURCE, RESOURCES_MAX } from './accelerator-resource.ts'
import { PHASES } from './conditions.ts'
import { object, oneOf, optional, type Static, Type } from './schema.ts'
import { PinnedModel, Selection } from './selection-status.ts'
import { PLAN_MEMORY_LIMITS, STAGES } from './stage.ts'
import { OUTPUT_FORMATS } from './spec/output.ts'
import { Conditions, count, mapOf, text, time } from './status-fields.ts'

/** A run that a spec change stopped before its end is `Superseded`; the rest are the job's own phases. */
export const RUN_PHASES = [...PHASES, 'Superseded'] as const
/** `Skipped`: an earlier run left the same output. `Stopped`: ended early with a checkpoint. */
export const STAGE_STATES = [
  'Pending',
  'Running',
  'Succeeded',
  'Skipped',
  'Stopped',
  'Failed',
] as const

const seconds = (description: string) => Type.Number({ minimum: 0, description })
const measure = (description: string) => Type.Number({ description })

type Pair = { readonly base: number; readonly tuned: number }
const pair = {
  type: 'object',
  required: ['base', 'tuned'],
  properties: { base: { type: 'number' }, tuned: { type: 'number' } },
}
const byMetric = { type: 'object', maxProperties: 16, additionalProperties: pair }
const bySlice = {
  type: 'object',
  maxProperties: 16,
  additionalProperties: { type: 'object', maxProperties: 32, additionalProperties: pair },
}

const StageStatus = object(
  {
    name: oneOf(STAGES, { description: 'Stage.' }),
    state: oneOf(STAGE_STATES, { description: 'How far it is.' }),
    key: optional(text(64, "Content address of the stage's inputs.")),
    digest: optional(text(128, 'Digest of what it made; part of the next key.')),
    pod: optional(text(253, 'Newest pod.')),
    attempts: optional(count('Pods started for it.')),
    retries: optional(count('Failed attempts of its Jobs before the current one.')),
    memoryKills: optional(
      count('Attempts that ran out of memory; each halves the rows computed at once, down to 1.'),
    ),
    startedAt: optional(time('Start of its first pod.')),
    finishedAt: optional(time('When its result was read.')),
    seconds: optional(seconds('Time of the attempt that ended it.')),
    fromRun: optional(count('Run whose output is used in place of an own one.')),
  },
  { description: 'One stage of a run.' },
)

const Dataset = object(
  {
    trainExamples: count('Examples trained on.'),
    validationExamples: count('Examples held out.'),
    trainTokens: count('Tokens of the training rows, padding excluded.'),
    responseTokens: count('Tokens that the loss counts.'),
    rows: count('Rows per epoch.'),
    rowFullness: optional(measure("Share of the rows' tokens that is not padding.")),
    duplicates: count('Examples whose content stands earlier in the data.'),
    truncated: count('Examples that lost the start of their prompt.'),
    dropped: count('Examples left out.'),
    slices: optional(mapOf<number>({ type: 'integer' }, 'Examples by slice, the largest first.')),
  },
  { description: 'What Prepare found in the data.' },
)

const Plan = object(
  {
    modelParameters: count('Parameters of the base model.'),
    trainableParameters: count('Parameters that are trained.'),
    totalSteps: count('Optimizer steps.'),
    tokensPerStep: measure('Tokens per optimizer step, padding excluded.'),
    microBatchSize: count('Rows computed at once.'),
    recompute: Type.Boolean({ description: 'Whether activations are computed again.' }),
    recomputedLayers: Type.Optional(count('Layers whose activations are computed again.')),
    estimatedMemoryBytes: measure('Estimated peak memory.'),
    estimatedSeconds: seconds('Estimated training time.'),
    fits: optional(
      Type.Boolean({
        description:
          'Whether the estimate is within the memory limit; absent where an accelerator computes whose `memory` the spec does not give.',
      }),
    ),
    memoryLimit: optional(
      oneOf([...PLAN_MEMORY_LIMITS], {
        description:
          'What `fits` compares with: `spec.resources.accelerator.memory`, or the memory of the container.',
      }),
    ),
  },
  { description: 'What training takes, known before its first step.' },
)

/** Of a long training every second, fourth, … one is kept. */
export const VALIDATIONS_MAX = 32

export const Validations = Type.Array(
  object({
    step: count('Optimizer steps done.'),
    loss: measure('Validation loss there.'),
  }),
  {
    maxItems: VALIDATIONS_MAX,
    description:
      'Validation losses that were seen while a trial of an experiment trained; of a long training every second, fourth, … one.',
    'x-kubernetes-list-type': 'atomic',
  },
)

const Training = object(
  {
    step: count('Optimizer steps done.'),
    totalSteps: count('Optimizer steps of the run.'),
    progress: text(64, '`step/totalSteps`, for the printer column.'),
    epoch: optional(measure('Passes over the data done.')),
    loss: optional(measure('Mean cross-entropy per target token of the last step, in nats.')),
    validationLoss: optional(
      measure(
        'The same on the validation data; at the end that of the adapter that is the result.',
      ),
    ),
    validationTokenAccuracy: optional(measure('Share of target tokens that are the likeliest.')),
    bestStep: optional(
      count(
        'Step of the best validation, where validations are compared; at the end the step that the adapter is of.',
      ),
    ),
    bestValidationLoss: optional(measure('Validation loss of that step.')),
    stoppedEarly: optional(
      Type.Boolean({ description: 'Whether `earlyStopping` ended training before its last step.' }),
    ),
    learningRate: optional(measure('Learning rate of the last step.')),
    gradientNorm: optional(measure('Gradient norm before clipping.')),
    tokens: optional(measure('Tokens trained on.')),
    tokensPerSecond: optional(measure('Tokens per second.')),
    microBatchSeconds: optional(
      seconds("Longest micro-batch; the pod's grace period follows from it."),
    ),
    etaSeconds: optional(seconds('Time left.')),
    seconds: optional(seconds('Training time, known at its end.')),
    validations: optional(Validations),
  },
  { description: 'Progress of training, and its figures once it ended.' },
)

const evaluation = {
  score: measure("Mean over suites of the tuned value of the suite's first metric."),
  gatesPassed: Type.Boolean({ description: 'Whether every gate holds.' }),
  suites: mapOf<Readonly<Record<string, Pair>>>(byMetric, 'Base and tuned by suite and metric.'),
  gates: Type.Array(
    object({
      metric: text(128, '`<suite>/<metric>`.'),
      rule: oneOf(['atLeast', 'improvesOnBaseBy', 'maxSliceGap']),
      threshold: measure('What was asked for.'),
      value: measure('What was measured.'),
      passed: Type.Boolean(),
    }),
    { maxItems: 16, description: 'Gates.', 'x-kubernetes-list-type': 'atomic' },
  ),
}
const RunEvaluation = object(evaluation, { description: 'Base model against tuned model.' })
const Evaluation = object(
  {
    ...evaluation,
    slices: optional(
      mapOf<Readonly<Record<string, Readonly<Record<string, Pair>>>>>(
        bySlice,
        'Base and tuned by suite, metric and slice; the largest slices.',
      ),
    ),
  },
  { description: 'Base model against tuned model, of the current run.' },
)

const artifacts = Type.Array(
  object({
    uri: text(4096, 'Where it lies.'),
    format: oneOf(OUTPUT_FORMATS),
    digest: text(128, 'sha256.'),
    bytes: count('Size.'),
  }),
  { maxItems: 16, description: 'What was published.', 'x-kubernetes-list-type': 'atomic' },
)

const Run = object(
  {
    number: Type.Integer({ minimum: 1, description: 'Number of the run.' }),
    specHash: text(64, 'Hash of the fields of the spec that shape the result.'),
    phase: oneOf(RUN_PHASES, { description: 'How far it is, or how it ended.' }),
    content: optional(
      object(
        {
          dataset: text(64, 'Name of the InstructionDataset.'),
          datasetUid: text(64, 'UID of it.'),
          contentHash: text(64, '`status.contentHash` of it when the run started.'),
          uri: text(512, '`status.preparedUri` of it when the run started.'),
          sources: optional(
            Type.Array(text(2048, 'URI of a source.'), {
              maxItems: 32,
              description: 'What that content was read from; TuningPolicies are asked about it.',
              'x-kubernetes-list-type': 'atomic',
            }),
          ),
        },
        { description: 'The content that the run keeps, where spec.dataset.ref is given.' },
      ),
    ),
    model: optional(PinnedModel),
    workspace: optional(text(64, 'UID of the volume claim that holds its outputs.')),
    stages: Type.Array(StageStatus, {
      maxItems: 4,
      description: 'Stages in their order.',
      'x-kubernetes-list-type': 'atomic',
    }),
    score: optional(measure('`evaluation.score`.')),
    reason: optional(text(64, 'Why it ended so.')),
    message: optional(text(2048, 'The same in a sentence.')),
    dataset: optional(Dataset),
    plan: optional(Plan),
    training: optional(Training),
    evaluation: optional(RunEvaluation),
    artifacts: optional(artifacts),
    outputClaim: optional(
      text(64, 'UID of the volume claim that it published to, where the output is `pvc://`.'),
    ),
    publishRetry: optional(
      text(256, 'Value of the annotation `attune.dev/retry-publish` that was acted on last.'),
    ),
    rerun: optional(
      text(256, 'Value that the annotation `attune.dev/rerun` had when the run started.'),
    ),
    startedAt: time('When it was accepted.'),
    finishedAt: optional(time('When it ended.')),
  },
  { description: 'One run: what one version of the spec gave.' },
)

export const InstructionTuningJobStatusSchema = object(
  {
    phase: optional(oneOf(PHASES, { description: 'One word for people.' })),
    // -1 by the default of `status`: a job that no operator has seen is not mistaken for a finished one
    observedGeneration: optional(
      Type.Integer({ minimum: -1, description: 'Generation of the spec that status speaks of.' }),
    ),
    conditions: optional(Conditions),
    run: optional(count('Number of the current run.')),
    runs: optional(
      Type.Array(Run, {
        maxItems: 51,
        description: 'Runs, the oldest first, as many as spec.runHistoryLimit.',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['number'],
      }),
    ),
    model: optional(
      text(
        2048,
        'URI of the base model that the current run uses; absent while none is chosen from the catalogue.',
      ),
    ),
    selection: optional(Selection),
    plan: optional(Plan),
    dataset: optional(Dataset),
    training: optional(Training),
    evaluation: optional(Evaluation),
    artifacts: optional(artifacts),
    acceleratorSeconds: optional(seconds('Running time of pods times their devices, of all runs.')),
    acceleratorSecondsByResource: optional(
      Type.Unsafe<Readonly<Record<string, number>>>({
        type: 'object',
        maxProperties: RESOURCES_MAX,
        additionalProperties: { type: 'number', minimum: 0 },
        description: `The same by extended resource; \`${OTHER_RESOURCE}\` where there were too many.`,
      }),
    ),
    accountedPods: optional(
      Type.Array(
        object({
          pod: text(64, 'Uid of a pod.'),
          until: time('Its accelerator time is counted up to here.'),
        }),
        {
          maxItems: 32,
          description: 'Pods whose accelerator time is counted, while they are there.',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['pod'],
        },
      ),
    ),
    accountedUntil: optional(
      time('Accelerator time of pods that are not listed is counted up to here.'),
    ),
  },
  { default: { observedGeneration: -1 }, description: 'What the operator answers.' },
)

export type InstructionTuningJobStatus = Static<typeof InstructionTuningJobStatusSchema>
export type RunStatus = NonNullable<InstructionTuningJobStatus['runs']>[number]
export type StageStatus = RunStatus['stages'][number]
export type TrainingStatus = NonNullable<InstructionTuningJobStatus['training']>
export type Validation = NonNullable<TrainingStatus['validations']>[number]
export type JobCondition = NonNullable<InstructionTuningJobStatus['conditions']>[number]
