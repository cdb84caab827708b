/** Field shapes that the status of several kinds share. */
import { object, oneOf, optional, Type } from './schema.ts'

export const count = (description: string) => Type.Integer({ minimum: 0, description })
export const text = (maxLength: number, description: string) =>
  Type.String({ maxLength, description })
export const time = (description: string) =>
  Type.Unsafe<string>({ type: 'string', format: 'date-time', description })
export const mapOf = <T>(values: object, description: string) =>
  Type.Unsafe<Readonly<Record<string, T>>>({
    type: 'object',
    additionalProperties: values,
    maxProperties: 64,
    description,
  })

export const Condition = object(
  {
    type: text(316, 'One of the condition types of this API.'),
    status: oneOf(['True', 'False', 'Unknown']),
    observedGeneration: optional(count('Generation of the spec that the condition speaks of.')),
    lastTransitionTime: time('When `status` of the condition changed last.'),
    reason: text(1024, 'One word for machines.'),
    message: text(32768, 'One sentence for people.'),
  },
  { description: 'Kubernetes condition.' },
)

export const Conditions = Type.Array(Condition, {
  maxItems: 32,
  description: 'Ready, Reconciling, Stalled and what else is true of the object.',
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['type'],
})
