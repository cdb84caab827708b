/** `spec.output`. */
import { object, optional, Type } from '../schema.ts'
import { OUTPUT_SCHEMES, uri } from './common.ts'

export const Output = object(
  {
    uri: uri(
      OUTPUT_SCHEMES,
      'Folder to publish to: `pvc://claim/path`, or `file://path` (only for `attune run`). Results land in `run-<n>/` below it.',
    ),
    publish: optional(
      Type.Boolean({
        description:
          'false: a run ends once it is evaluated, and its results stay in the workspace. Turned on later, the next run only publishes. Default is true.',
      }),
    ),
  },
  { description: 'Where the tuned model goes.' },
)
