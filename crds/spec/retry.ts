/** `spec.retry`. */
import { defaulted, optional, Type } from '../schema.ts'

export const Retry = defaulted(
  {
    limit: optional(
      Type.Integer({
        minimum: 0,
        maximum: 100,
        default: 3,
        description: 'Retries of a stage; disruptions do not count.',
      }),
    ),
    deadlineSeconds: optional(
      Type.Integer({
        minimum: 1,
        maximum: 31_536_000,
        default: 86400,
        description: 'Longest running time of a stage.',
      }),
    ),
  },
  { description: 'When to give up.' },
)
