/** `spec.dataset` of a job, and the same fields as the spec of an `InstructionDataset`. */
import { isHubFileRule } from '../hub-uri.ts'
import { type CelRule, defaulted, object, oneOf, optional, Type } from '../schema.ts'
import { DATASET_SCHEMES, fraction, hubToken, TOKEN_FOR_HUB_ONLY, uri } from './common.ts'

const HUB_FILE: CelRule = {
  rule: isHubFileRule('self'),
  message: 'data of the hub is written hf://datasets/owner/name[@revision]/file.jsonl',
}

const JSON_FILE: CelRule = {
  rule: "self.matches('^[^?#]+[.][jJ][sS][oO][nN][lL]?([?#]|$)')",
  message: 'data files end in .jsonl or .json; convert others, one JSON object per line',
}

const DataSource = object(
  {
    uri: uri(
      DATASET_SCHEMES,
      'Where the examples are: `hf://datasets/owner/name[@revision]/file.jsonl`, `https://…`, `pvc://claim/path`, or `file://path` (only for `attune run`). `.jsonl` or `.json`.',
      [HUB_FILE, JSON_FILE],
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

export const datasetSources = Type.Array(DataSource, {
  minItems: 1,
  maxItems: 16,
  description: 'Files of instruction-output pairs, read in this order.',
  'x-kubernetes-list-type': 'atomic',
})

/** All that says what is learned from the sources. */
export const datasetFields = {
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
      description: 'Key whose value names the slice of an example; metrics are reported per slice.',
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
        fraction('Largest allowed share of examples whose content stands earlier in the data.', 1),
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
}

/** Defaults are in place before a rule is asked, so a field that holds its default counts as not given. */
const NOTHING_BESIDE_REF: CelRule = {
  rule: "!has(self.ref) || (!has(self.columns) && !has(self.categoryColumn) && !has(self.systemPrompt) && !has(self.chatTemplate) && !has(self.validation.fraction) && !has(self.validation.sources) && self.quality.minExamples == 1 && self.quality.maxDuplicateFraction == 1.0 && self.lossOn == 'Response')",
  message:
    'ref takes everything from the InstructionDataset: remove the other fields here and set them there',
}

export const Dataset = object(
  {
    ref: optional(
      object(
        {
          name: Type.String({
            minLength: 1,
            maxLength: 63,
            description: 'Name of the InstructionDataset.',
          }),
        },
        {
          description:
            'An `InstructionDataset` of this namespace. A run waits until it is ready and keeps the content that it starts with.',
        },
      ),
    ),
    sources: optional(datasetSources),
    ...datasetFields,
  },
  {
    description: 'Instruction-output pairs: an InstructionDataset, or sources of its own.',
    'x-kubernetes-validations': [
      {
        rule: 'has(self.ref) != has(self.sources)',
        message: 'give ref or sources, and not both',
      },
      NOTHING_BESIDE_REF,
    ],
  },
)
