/** `InstructionDataset.status`, written by server-side apply of the operator and by nobody else. */
import { DATASET_PHASES } from './dataset-conditions.ts'
import { object, oneOf, optional, type Static, Type } from './schema.ts'
import { Conditions, count, mapOf, text, time } from './status-fields.ts'

const characters = (description: string) =>
  object(
    {
      mean: Type.Number({ minimum: 0, description: 'Mean.' }),
      p50: count('Half of the examples have at most as many.'),
      p95: count('95 % of the examples have at most as many.'),
      max: count('The longest.'),
    },
    { description },
  )

const Report = object(
  {
    read: count('Examples in all files.'),
    duplicates: count('Examples whose content stands earlier in the data; left out.'),
    promptCharacters: characters('Characters before the answer, of the training examples.'),
    responseCharacters: characters('Characters of the answer, of the training examples.'),
    slices: mapOf<number>(
      { type: 'integer' },
      'Training examples by slice, the largest first; beyond 20 under `…`.',
    ),
    largestSliceShare: Type.Number({
      minimum: 0,
      maximum: 1,
      description: 'Share of the training examples that the largest slice has.',
    }),
  },
  { description: 'What was found in the data.' },
)

export const InstructionDatasetStatusSchema = object(
  {
    phase: optional(oneOf(DATASET_PHASES, { description: 'One word for people.' })),
    // -1 by the default of `status`: a dataset that no operator has seen is not mistaken for a ready one
    observedGeneration: optional(
      Type.Integer({ minimum: -1, description: 'Generation of the spec that status speaks of.' }),
    ),
    conditions: optional(Conditions),
    key: optional(text(64, 'Content address of the fields of the spec that shape the examples.')),
    volume: optional(text(64, 'UID of the volume claim that holds the examples.')),
    contentHash: optional(
      text(64, 'sha256 over the examples, their split and what is said before them.'),
    ),
    preparedUri: optional(text(512, 'Folder of the curated examples.')),
    examples: optional(count('Examples to train on.')),
    validationExamples: optional(count('Examples held out.')),
    report: optional(Report),
    preparedAt: optional(time('When the content became ready.')),
  },
  { default: { observedGeneration: -1 }, description: 'What the operator answers.' },
)

export type InstructionDatasetStatus = Static<typeof InstructionDatasetStatusSchema>
export type DatasetReport = NonNullable<InstructionDatasetStatus['report']>
