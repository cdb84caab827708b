/** `BaseModel.spec`: where a pre-trained model is, and the published facts that a selection weighs. */
import { object, optional, type Static, Type } from './schema.ts'
import { modelSource } from './spec/model.ts'
import { scaledCount } from './spec/scaled-count.ts'

const names = (pattern: string, maxLength: number, maxItems: number, description: string) =>
  optional(
    Type.Array(Type.String({ minLength: 1, maxLength, pattern }), {
      maxItems,
      description,
      'x-kubernetes-list-type': 'set',
    }),
  )

const Pretraining = optional(
  object(
    {
      tokens: optional(
        scaledCount('Tokens that it was trained on, repeated ones too, such as `2T`.'),
      ),
      domains: names(
        '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$',
        63,
        64,
        'Kinds of text among them, such as `web` `code` `books`; `domainDiversity` counts them.',
      ),
    },
    { description: 'What it was trained on.' },
  ),
)

export const BaseModelSpecSchema = object(
  {
    source: modelSource(
      'Where it is; of a `pvc://` claim and of the Secret, those of the namespace of the job are meant.',
    ),
    parameters: scaledCount('Number of parameters, such as `135M`.'),
    architecture: Type.String({
      minLength: 1,
      maxLength: 128,
      pattern: '^[A-Za-z0-9_.-]+$',
      description: 'Its class, as `architectures` of its config.json has it: `LlamaForCausalLM`.',
    }),
    contextLength: optional(
      Type.Integer({ minimum: 1, maximum: 1 << 30, description: 'Longest context in tokens.' }),
    ),
    license: optional(
      Type.String({
        minLength: 1,
        maxLength: 128,
        description: 'SPDX identifier in small letters, or the tag that the hub has: `apache-2.0`.',
      }),
    ),
    languages: names(
      '^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$',
      35,
      256,
      'Languages that it is published for (BCP 47), such as `en`.',
    ),
    pretraining: Pretraining,
    benchmarks: optional(
      Type.Unsafe<Readonly<Record<string, number>>>({
        type: 'object',
        additionalProperties: { type: 'number', minimum: 0, maximum: 1 },
        maxProperties: 64,
        description: 'Published figures by benchmark, 0 to 1, the higher the better.',
      }),
    ),
    tuned: optional(
      Type.Boolean({ default: false, description: 'Whether it is tuned to follow instructions.' }),
    ),
  },
  {
    description: 'Where it is, and what is published of it.',
  },
)

export type BaseModelSpec = Static<typeof BaseModelSpecSchema>
