/** `spec.output`. */
import { object } from '../schema.ts'
import { OUTPUT_SCHEMES, uri } from './common.ts'

export const Output = object(
  {
    uri: uri(
      OUTPUT_SCHEMES,
      'Folder to publish to: `pvc://claim/path`, or `file://path` (only for `attune run`). Results land in `run-<n>/` below it.',
    ),
  },
  { description: 'Where the tuned model goes.' },
)
