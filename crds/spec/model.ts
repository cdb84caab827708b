/** `spec.model`. */
import { object } from '../schema.ts'
import { hubToken, MODEL_SCHEMES, TOKEN_FOR_HUB_ONLY, uri } from './common.ts'

const Source = object(
  {
    uri: uri(
      MODEL_SCHEMES,
      'Where the model is: `hf://owner/name[@revision][/file.gguf]`, `https://…`, `pvc://claim/path`, or `file://path` (only for `attune run`). A folder in Hugging Face layout or one GGUF file.',
    ),
    credentialsSecret: hubToken,
  },
  {
    description: 'The one place it comes from.',
    'x-kubernetes-validations': [TOKEN_FOR_HUB_ONLY],
  },
)

export const Model = object({ source: Source }, { description: 'The pre-trained base model.' })
