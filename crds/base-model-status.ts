/** `BaseModel.status`, written by server-side apply of an operator that verifies the catalogue. */
import { object, optional, type Static, Type } from './schema.ts'
import { Conditions, count, text, time } from './status-fields.ts'

// no default: where no operator verifies entries, one without a status is not taken for unfinished
export const BaseModelStatusSchema = object(
  {
    observedGeneration: optional(
      Type.Integer({ minimum: 0, description: 'Generation of the spec that status speaks of.' }),
    ),
    conditions: optional(Conditions),
    revision: optional(
      text(64, 'Commit that the revision of the source named; runs are pinned to it.'),
    ),
    architecture: optional(text(128, 'Architecture that its config.json names.')),
    parameters: optional(count('Parameters that the hub counts in its weights.')),
    lastVerificationTime: optional(time('When the hub last answered for it.')),
  },
  { description: 'What the operator found at the source.' },
)

export type BaseModelStatus = Static<typeof BaseModelStatusSchema>
