/** `spec.dataset`. */
import { defaulted, object, oneOf, optional, Type } from '../schema.ts'
import { DATASET_SCHEMES, fraction, hubToken, TOKEN_FOR_HUB_ONLY, uri } from './common.ts'

const DataSource = object(
  {
    uri: uri(
      DATASET_SCHEMES,
      'Where the examples are: `hf://datasets/owner/name[@revision]/file.jsonl`, `https://…`, `pvc://claim/path`, or `file://path` (only for `attune run`). `.jsonl` or `.json`.',
    ),
    format: optional(
      oneOf(['Auto', 'Alpaca', 'PromptCompletion', 'Messages'], {
        default: 'Auto',
        description: 'Shape of one example. `Auto` decides by the keys of the first.',
      }),
    ),
    credentialsSecret: hubToken,
  },
  { 'x-kubernetes-validations': [TOKEN_FOR_HUB_ONLY] },
)

const column = (description: string) =>
  optional(Type.String({ minLength: 1, maxLength: 128, description }))

export const Dataset = object(
  {
    sources: Type.Array(DataSource, {
      minItems: 1,
      maxItems: 16,
      description: 'Files of instruction-output pairs, read in this order.',
      'x-kubernetes-list-type': 'atomic',
    }),
    columns: optional(
      object(
        {
          instruction: column('Alpaca: what to do.'),
          input: column('Alpaca: what to do it on; may be absent in an example.'),
          output: column('Alpaca: the answer.'),
          prompt: column('PromptCompletion: the request.'),
          completion: column('PromptCompletion: the answer.'),
          messages: column('Messages: list of turns with `role` and `content`.'),
        },
        { description: "The data's own names of the format's keys, where they differ." },
      ),
    ),
    validation: defaulted(
      {
        fraction: optional(
          Type.Number({
            exclusiveMinimum: 0,
            maximum: 0.5,
            description:
              'Share of the examples held out, chosen by the hash of their content, so an example never changes sides.',
          }),
        ),
        sources: optional(
          Type.Array(DataSource, {
            minItems: 1,
            maxItems: 16,
            description: 'Files of their own to validate on.',
            'x-kubernetes-list-type': 'atomic',
          }),
        ),
      },
      {
        default: {},
        description: 'What is held out. Neither field given: a fraction of 0.1.',
        'x-kubernetes-validations': [
          {
            rule: '!(has(self.fraction) && has(self.sources))',
            message: 'give fraction or sources, not both',
          },
        ],
      },
    ),
    categoryColumn: optional(
      Type.String({
        minLength: 1,
        maxLength: 128,
        description:
          'Key whose value names the slice of an example; metrics are reported per slice.',
      }),
    ),
    quality: defaulted(
      {
        minExamples: optional(
          Type.Integer({
            minimum: 1,
            default: 1,
            description:
              'Fewer training examples than this fail the job before an accelerator is taken.',
          }),
        ),
        maxDuplicateFraction: optional(
          fraction(
            'Largest allowed share of examples whose content stands earlier in the data.',
            1,
          ),
        ),
      },
      { description: 'Gates on the data.' },
    ),
    systemPrompt: optional(
      Type.String({
        maxLength: 16384,
        description: 'System turn put before examples that have none.',
      }),
    ),
    chatTemplate: optional(
      Type.String({
        maxLength: 65536,
        description: "Jinja chat template; default is the base model's own.",
      }),
    ),
    lossOn: optional(
      oneOf(['Response', 'All'], {
        default: 'Response',
        description: "`Response`: only the assistant's tokens are learned. `All`: every token is.",
      }),
    ),
  },
  { description: 'Instruction-output pairs.' },
)
