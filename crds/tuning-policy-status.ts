/** `TuningPolicy.status`, written by server-side apply of an operator that works in the whole cluster. */
import { object, optional, type Static, Type } from './schema.ts'
import { Conditions, count } from './status-fields.ts'

// no default: where no operator looks at policies, one without a status is not taken for unfinished
export const TuningPolicyStatusSchema = object(
  {
    observedGeneration: optional(
      Type.Integer({ minimum: 0, description: 'Generation of the spec that status speaks of.' }),
    ),
    conditions: optional(Conditions),
    namespaces: optional(count('Namespaces that it selects.')),
    heldJobs: optional(
      count(
        'InstructionTuningJobs that wait, with the reason PolicyViolation, for it or for a change of their own.',
      ),
    ),
    heldDatasets: optional(count('InstructionDatasets that wait in the same way.')),
  },
  { description: 'How far it reaches, and what it holds back.' },
)

export type TuningPolicyStatus = Static<typeof TuningPolicyStatusSchema>
