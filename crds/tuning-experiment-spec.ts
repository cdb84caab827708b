/** `TuningExperiment.spec`: a job, what is varied of it, and how the best variation is found. */
import type { InstructionTuningJobSpec } from './instruction-tuning-job-spec.ts'
import { InstructionTuningJobSpecSchema } from './instruction-tuning-job-spec.ts'
import { type CelRule, defaulted, object, oneOf, optional, type Static, Type } from './schema.ts'
import { type SchemaNode, schemaNode } from './schema-node.ts'
import { OBJECTIVE, PARAMETER_PATH } from './patterns.ts'

export const TRIALS_MAX = 500
export const STRATEGIES = ['Grid', 'Random', 'SuccessiveHalving'] as const

const without = (node: SchemaNode, [key = '', ...rest]: readonly string[]): SchemaNode => {
  const { [key]: child, ...others } = node.properties ?? {}
  return {
    ...node,
    properties: child && rest.length > 0 ? { ...others, [key]: without(child, rest) } : others,
  }
}

/** What the experiment itself decides of each trial. */
const DECIDED = [['suspend'], ['output', 'publish'], ['training', 'stopAfterSteps']]

/** Spec of a job, without what the experiment decides. */
export const TEMPLATE: SchemaNode = {
  ...DECIDED.reduce(without, schemaNode(InstructionTuningJobSpecSchema)),
  description:
    'Spec of an InstructionTuningJob that every trial starts from. `suspend`, `output.publish` and `training.stopAfterSteps` are the experiment’s own. `ttlSecondsAfterFinished` applies once the experiment has ended.',
}

const IMMUTABLE: CelRule = {
  rule: 'self == oldSelf',
  message: 'cannot change once trials may run; make another TuningExperiment',
}

const Range = object(
  {
    min: Type.Number({ description: 'Smallest value.' }),
    max: Type.Number({ description: 'Largest value.' }),
    scale: optional(
      oneOf(['Linear', 'Log'], {
        default: 'Linear',
        description: '`Log`: equal ratios are equally likely, e.g. for a learning rate.',
      }),
    ),
    step: optional(
      Type.Number({
        exclusiveMinimum: 0,
        description:
          'Only `min`, `min + step`, …; with `Log` `min`, `min · step`, …. `Grid` needs it.',
      }),
    ),
  },
  {
    description: 'Numbers from `min` to `max`, both included.',
    'x-kubernetes-validations': [
      { rule: 'self.min < self.max', message: 'min must be less than max' },
      {
        rule: "self.scale != 'Log' || self.min > 0.0",
        message: 'a Log range must begin above 0',
      },
      {
        rule: "self.scale != 'Log' || !has(self.step) || self.step > 1.0",
        message: 'the step of a Log range is a factor above 1',
      },
    ],
  },
)

const Parameter = object(
  {
    path: Type.String({
      minLength: 1,
      maxLength: 128,
      pattern: PARAMETER_PATH,
      description: 'Field of the template, e.g. `training.learningRate` or `method.lora.rank`.',
    }),
    values: optional(
      Type.Array(
        Type.Unsafe<unknown>({
          'x-kubernetes-preserve-unknown-fields': true,
          description: 'A value that the field takes.',
        }),
        {
          minItems: 1,
          maxItems: 64,
          description: 'The values to choose from.',
          'x-kubernetes-list-type': 'atomic',
        },
      ),
    ),
    range: optional(Range),
  },
  {
    description: 'One field that the trials vary.',
    // not in CEL: it cannot look at values of any type
    oneOf: [{ required: ['values'] }, { required: ['range'] }],
  },
)

const Strategy = object(
  {
    type: oneOf(STRATEGIES, {
      description:
        '`Grid`: every combination. `Random`: `maxTrials` combinations drawn by `seed`. `SuccessiveHalving` (Jamieson and Talwalkar 2016): as `Random`, but all train for a few steps first, and only the best of each rung go on from their checkpoints.',
    }),
    minSteps: optional(
      Type.Integer({
        minimum: 1,
        maximum: 10_000_000,
        description: '`SuccessiveHalving`: optimizer steps of the first rung.',
      }),
    ),
    reductionFactor: optional(
      Type.Integer({
        minimum: 2,
        maximum: 16,
        description:
          '`SuccessiveHalving`: of each rung one in so many goes on, for so many times the steps. Default is 3.',
      }),
    ),
  },
  {
    description: 'How trials are chosen.',
    'x-kubernetes-validations': [
      IMMUTABLE,
      {
        rule: "self.type == 'SuccessiveHalving' ? has(self.minSteps) : !has(self.minSteps) && !has(self.reductionFactor)",
        message: 'SuccessiveHalving needs minSteps; minSteps and reductionFactor are for it alone',
      },
    ],
  },
)

const EarlyStopping = object(
  {
    minTrials: optional(
      Type.Integer({
        minimum: 1,
        maximum: TRIALS_MAX,
        default: 3,
        description: 'No trial is stopped before so many have succeeded.',
      }),
    ),
    afterSteps: optional(
      Type.Integer({
        minimum: 0,
        maximum: 10_000_000,
        default: 0,
        description: 'No trial is stopped before so many of its steps.',
      }),
    ),
  },
  {
    description:
      'Stops a trial whose best validation loss so far is above the median, over the trials that succeeded, of their mean validation losses up to the same step (median stopping rule: Golovin et al. 2017, Google Vizier). Absent: every trial trains to its end.',
  },
)

const SAME = (field: string) =>
  `has(self.${field}) == has(oldSelf.${field}) && (!has(self.${field}) || self.${field} == oldSelf.${field})`

export const TuningExperimentSpecSchema = object(
  {
    template: Type.Unsafe<InstructionTuningJobSpec>({
      ...TEMPLATE,
      'x-kubernetes-validations': [...(TEMPLATE['x-kubernetes-validations'] ?? []), IMMUTABLE],
    }),
    parameters: Type.Array(Parameter, {
      minItems: 1,
      maxItems: 16,
      description: 'What the trials vary; exactly one of `values` and `range` each.',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['path'],
      'x-kubernetes-validations': [IMMUTABLE],
    }),
    strategy: Strategy,
    maxTrials: optional(
      Type.Integer({
        minimum: 1,
        maximum: TRIALS_MAX,
        description: 'Trials to run. `Grid` may leave it out, and is refused where it has more.',
      }),
    ),
    parallelTrials: optional(
      Type.Integer({
        minimum: 1,
        maximum: 100,
        default: 1,
        description: 'Trials that run at once.',
      }),
    ),
    objective: defaulted(
      {
        metric: optional(
          Type.String({
            maxLength: 128,
            pattern: OBJECTIVE,
            default: 'score',
            description:
              '`score` of the job, `validationLoss` at the end of training, or `<suite>/<metric>` of the tuned model.',
          }),
        ),
        goal: optional(
          oneOf(['Maximize', 'Minimize'], {
            default: 'Maximize',
            description: 'Which value is the better one.',
          }),
        ),
      },
      {
        description: 'What the trials are compared on.',
        'x-kubernetes-validations': [
          IMMUTABLE,
          {
            // the server asks it of the bare default too
            rule: "!has(self.metric) || self.metric != 'validationLoss' || self.goal == 'Minimize'",
            message: 'a lower validationLoss is better: give goal: Minimize',
          },
        ],
      },
    ),
    publish: optional(
      oneOf(['Best', 'All', 'None'], {
        default: 'Best',
        description:
          '`Best`: once all trials have ended, the best one publishes to `template.output`. `All`: each trial that trains to its end publishes to `trial-<n>/` below it. `None`: results stay in the trials’ workspaces.',
        'x-kubernetes-validations': [IMMUTABLE],
      }),
    ),
    seed: optional(
      Type.Integer({
        minimum: 0,
        maximum: 4294967295,
        default: 42,
        description:
          'Seed of the drawing; equal specs give equal trials. Which of them `earlyStopping` ends can differ.',
        'x-kubernetes-validations': [IMMUTABLE],
      }),
    ),
    earlyStopping: optional(EarlyStopping),
    suspend: optional(
      Type.Boolean({
        default: false,
        description: 'Stop the trials with a checkpoint and free their pods; false goes on.',
      }),
    ),
  },
  {
    description: 'A job, what is varied of it, and how the best variation is found.',
    'x-kubernetes-validations': [
      {
        rule: "self.strategy.type == 'Grid' || has(self.maxTrials)",
        message: 'maxTrials is required unless strategy.type is Grid',
      },
      {
        rule: "self.strategy.type != 'SuccessiveHalving' || !has(self.earlyStopping)",
        message: 'SuccessiveHalving stops trials by itself; leave earlyStopping out',
      },
      {
        rule: "self.strategy.type != 'SuccessiveHalving' || has(self.template.training.maxSteps) && self.strategy.minSteps < self.template.training.maxSteps",
        message:
          'SuccessiveHalving needs template.training.maxSteps, and strategy.minSteps below it',
      },
      { rule: SAME('maxTrials'), fieldPath: '.maxTrials', message: IMMUTABLE.message ?? '' },
    ],
  },
)

/** Spec as a tenant writes it: defaults may be absent. */
export type TuningExperimentSpec = Static<typeof TuningExperimentSpecSchema>
export type ExperimentParameter = TuningExperimentSpec['parameters'][number]
