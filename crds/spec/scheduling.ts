/** `affinity` and `topologySpreadConstraints` of `spec.podTemplate`: Kubernetes' own fields, bounded, without reach into other namespaces. */
import { object, oneOf, optional, stringMap, Type } from '../schema.ts'

const TERMS_MAX = 16
const VALUES_MAX = 64

const key = (description: string) => Type.String({ minLength: 1, maxLength: 317, description })
const values = optional(
  Type.Array(Type.String({ maxLength: 63 }), {
    maxItems: VALUES_MAX,
    description: 'Values that the operator compares with.',
    'x-kubernetes-list-type': 'atomic',
  }),
)
const atomic = { 'x-kubernetes-list-type': 'atomic' } as const

const NodeExpression = object({
  key: key('Key of a node label.'),
  operator: oneOf(['In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt'], {
    description: 'Relation of the label to the values.',
  }),
  values,
})
const NodeTerm = {
  matchExpressions: optional(
    Type.Array(NodeExpression, {
      maxItems: TERMS_MAX,
      description: 'Requirements of node labels; all must hold.',
      ...atomic,
    }),
  ),
}
const weight = Type.Integer({ minimum: 1, maximum: 100, description: 'Weight among preferences.' })

const NodeAffinity = optional(
  object(
    {
      requiredDuringSchedulingIgnoredDuringExecution: optional(
        object(
          {
            nodeSelectorTerms: Type.Array(object(NodeTerm), {
              minItems: 1,
              maxItems: TERMS_MAX,
              description: 'Nodes that one of these fits.',
              ...atomic,
            }),
          },
          { description: 'Nodes that the pods may run on.' },
        ),
      ),
      preferredDuringSchedulingIgnoredDuringExecution: optional(
        Type.Array(
          object({
            weight,
            preference: object(NodeTerm, { description: 'Nodes that are preferred.' }),
          }),
          { maxItems: TERMS_MAX, description: 'Nodes that are better than others.', ...atomic },
        ),
      ),
    },
    { description: 'Nodes that the pods must or should run on.' },
  ),
)

const LabelSelector = optional(
  object(
    {
      matchLabels: stringMap('Labels of the other pods.'),
      matchExpressions: optional(
        Type.Array(
          object({
            key: key('Key of a pod label.'),
            operator: oneOf(['In', 'NotIn', 'Exists', 'DoesNotExist'], {
              description: 'Relation of the label to the values.',
            }),
            values,
          }),
          { maxItems: TERMS_MAX, description: 'Requirements; all must hold.', ...atomic },
        ),
      ),
    },
    { description: 'Pods of this namespace.' },
  ),
)
const topologyKey = key('Node label whose equal values are one place.')
const PodTerm = { labelSelector: LabelSelector, topologyKey }

const podAffinity = (description: string) =>
  optional(
    object(
      {
        requiredDuringSchedulingIgnoredDuringExecution: optional(
          Type.Array(object(PodTerm), {
            maxItems: TERMS_MAX,
            description: 'What must hold; all of it.',
            ...atomic,
          }),
        ),
        preferredDuringSchedulingIgnoredDuringExecution: optional(
          Type.Array(
            object({
              weight,
              podAffinityTerm: object(PodTerm, { description: 'What is preferred.' }),
            }),
            { maxItems: TERMS_MAX, description: 'What is better.', ...atomic },
          ),
        ),
      },
      { description },
    ),
  )

export const affinity = optional(
  object(
    {
      nodeAffinity: NodeAffinity,
      podAffinity: podAffinity('Pods of this namespace to be near to.'),
      podAntiAffinity: podAffinity('Pods of this namespace to keep away from.'),
    },
    { description: "Affinity of the pods, with Kubernetes' own fields." },
  ),
)

export const topologySpreadConstraints = optional(
  Type.Array(
    object({
      maxSkew: Type.Integer({
        minimum: 1,
        maximum: 1000,
        description: 'Most pods that one place may have more than another.',
      }),
      topologyKey,
      whenUnsatisfiable: oneOf(['DoNotSchedule', 'ScheduleAnyway'], {
        description: 'What happens where the skew would be larger.',
      }),
      labelSelector: LabelSelector,
      minDomains: optional(
        Type.Integer({ minimum: 1, maximum: 1000, description: 'Least number of places.' }),
      ),
    }),
    {
      maxItems: 8,
      description: 'How pods spread over zones, nodes or other places.',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['topologyKey', 'whenUnsatisfiable'],
    },
  ),
)
