/** `TuningExperiment.status`, written by server-side apply of the operator and by nobody else. */
import { EXPERIMENT_PHASES, TRIAL_PHASES } from './experiment-conditions.ts'
import { object, oneOf, optional, type Static, Type } from './schema.ts'
import { Validations } from './instruction-tuning-job-status.ts'
import { TRIALS_MAX } from './tuning-experiment-spec.ts'
import { Conditions, count, mapOf, text, time } from './status-fields.ts'

export const TRIAL_ROWS_MAX = 100

const parameters = mapOf<string>(
  { type: 'string', maxLength: 2048 },
  'Values of the varied fields, as JSON, each cut to 128 characters.',
)
const trialNumber = Type.Integer({ minimum: 1, description: 'Number of the trial.' })
const jobName = text(63, 'Name of its InstructionTuningJob.')

const Trial = object(
  {
    trial: trialNumber,
    job: jobName,
    phase: oneOf(TRIAL_PHASES, { description: 'How far it is, or how it ended.' }),
    parameters,
    score: optional(Type.Number({ description: 'Newest value of the objective.' })),
    rung: optional(count('Rung of `SuccessiveHalving` that it is in, from 0.')),
    message: optional(text(512, 'Why it failed or was stopped.')),
    validations: optional(Validations),
  },
  { description: 'One trial.' },
)

const Best = object(
  {
    trial: trialNumber,
    job: jobName,
    score: Type.Number({ description: 'Value of the objective.' }),
    parameters,
    artifacts: optional(
      Type.Array(text(4096, 'Where an artifact lies.'), {
        maxItems: 16,
        description: 'What it has published.',
        'x-kubernetes-list-type': 'atomic',
      }),
    ),
  },
  { description: 'The best trial so far; of `SuccessiveHalving` the best of the highest rung.' },
)

export const TuningExperimentStatusSchema = object(
  {
    phase: optional(oneOf(EXPERIMENT_PHASES, { description: 'One word for people.' })),
    // -1 by the default of `status`: one that no operator has seen is not mistaken for a finished one
    observedGeneration: optional(
      Type.Integer({ minimum: -1, description: 'Generation of the spec that status speaks of.' }),
    ),
    conditions: optional(Conditions),
    progress: optional(text(32, '`ended/all` trials, for the printer column.')),
    counts: optional(
      object(
        {
          total: count('Trials in all.'),
          waiting: count('Not made yet.'),
          running: count('Made and not ended.'),
          succeeded: count('Trained to their end, with a score.'),
          failed: count('Ended in failure.'),
          stopped: count('Given up early.'),
        },
        { description: 'Trials by how far they are.' },
      ),
    ),
    best: optional(Best),
    trials: optional(
      Type.Array(Trial, {
        maxItems: TRIAL_ROWS_MAX,
        description:
          'Trials in their order; of more than 100, or than 256 KiB of them, those that run and then the best ones.',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['trial'],
      }),
    ),
    refused: optional(
      Type.Array(
        object(
          {
            trial: trialNumber,
            message: text(512, 'The words of the API server.'),
          },
          { description: 'A trial whose job the API server refuses.' },
        ),
        {
          maxItems: TRIALS_MAX,
          description: 'Trials whose jobs an admission policy or the schema does not allow.',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['trial'],
        },
      ),
    ),
    trialsLeftOut: optional(count('Trials that were made and are not in the table.')),
    startedAt: optional(time('When it was accepted.')),
    finishedAt: optional(time('When it ended.')),
  },
  { default: { observedGeneration: -1 }, description: 'What the operator answers.' },
)

export type TuningExperimentStatus = Static<typeof TuningExperimentStatusSchema>
export type TrialStatus = NonNullable<TuningExperimentStatus['trials']>[number]
export type RefusedTrial = NonNullable<TuningExperimentStatus['refused']>[number]
export type BestTrial = NonNullable<TuningExperimentStatus['best']>
