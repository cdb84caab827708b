/** `spec.model`. */
import { object } from '../schema.ts'
import { MODEL_SCHEMES, secretRef, uri } from './common.ts'

const Source = object(
  {
    uri: uri(
      MODEL_SCHEMES,
      'Where the model is: `hf://owner/name[@revision][/file.gguf]`, `https://…`, `pvc://claim/path`, or `file://path` (only for `attune run`). A folder in Hugging Face layout or one GGUF file.',
    ),
    credentialsSecret: secretRef(
      'Secret of this namespace whose key `token` authorizes the download.',
    ),
  },
  { description: 'The one place it comes from.' },
)

export const Model = object({ source: Source }, { description: 'The pre-trained base model.' })
