/** `spec.model`: one source, a model of the catalogue, or what a model of it must be. */
import { isHubModelRule } from '../hub-uri.ts'
import { object, optional, type Static, Type } from '../schema.ts'
import { hubToken, MODEL_SCHEMES, TOKEN_FOR_HUB_ONLY, uri } from './common.ts'
import { Selector } from './selector.ts'

export const modelSource = (description: string) =>
  object(
    {
      uri: uri(
        MODEL_SCHEMES,
        'Where the model is: `hf://owner/name[@revision][/file.gguf]`, `https://…`, `pvc://claim/path`, or `file://path` (only for `attune run`). A folder in Hugging Face layout or one GGUF file.',
        [
          {
            rule: isHubModelRule('self'),
            message: 'a model of the hub is written hf://owner/name[@revision][/file.gguf]',
          },
        ],
      ),
      credentialsSecret: hubToken,
    },
    { description, 'x-kubernetes-validations': [TOKEN_FOR_HUB_ONLY] },
  )

const Ref = object(
  {
    name: Type.String({ minLength: 1, maxLength: 253, description: 'Name of the BaseModel.' }),
  },
  { description: 'A BaseModel of the catalogue; its source is kept for the run.' },
)

const WAYS = ['source', 'ref', 'selector'] as const

export const Model = object(
  {
    source: optional(modelSource('The one place it comes from.')),
    ref: optional(Ref),
    selector: optional(Selector),
  },
  {
    description: 'The pre-trained base model: exactly one of source, ref and selector.',
    'x-kubernetes-validations': [
      {
        rule: `[${WAYS.map(way => `has(self.${way})`).join(', ')}].filter(given, given).size() == 1`,
        message: 'give exactly one of source, ref and selector',
      },
    ],
  },
)

export type ModelSource = Static<ReturnType<typeof modelSource>>
