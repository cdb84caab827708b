/** `TuningPolicy.spec`: limits of the jobs in the namespaces that it selects. */
import { POD_TEMPLATE_FIELDS } from './pod-template-fields.ts'
import { QUEUE_LABEL } from './queue-labels.ts'
import { object, oneOf, optional, type Static, stringMap, Type } from './schema.ts'
import { DATASET_SCHEMES, MODEL_SCHEMES, OUTPUT_SCHEMES } from './spec/common.ts'
import { METHOD_TYPES } from './spec/method.ts'

const PREFIXES_MAX = 64

/** No pod sees a file of a machine. */
const inCluster = (schemes: readonly string[]) =>
  schemes.filter(scheme => scheme !== 'file').join('|')

const uriPrefixes = (what: string, schemes: readonly string[]) =>
  optional(
    Type.Array(
      Type.String({
        minLength: 1,
        maxLength: 512,
        pattern: `^(${inCluster(schemes)})://`,
      }),
      {
        maxItems: PREFIXES_MAX,
        description: `${what}: beginnings of URIs. One that ends in \`/\` allows what starts with it; another allows itself and what goes on after it with \`/\` (and with \`@\`, a revision, for \`hf://\`). Absent: all; empty: none.`,
        'x-kubernetes-list-type': 'set',
      },
    ),
  )

const MatchExpression = object(
  {
    key: Type.String({ minLength: 1, maxLength: 317, description: 'Key of a namespace label.' }),
    operator: oneOf(['In', 'NotIn', 'Exists', 'DoesNotExist'], {
      description: 'Relation of the label to the values.',
    }),
    values: optional(
      Type.Array(Type.String({ maxLength: 63 }), {
        maxItems: 64,
        description: 'For In and NotIn, at least one; for the others none.',
        'x-kubernetes-list-type': 'atomic',
      }),
    ),
  },
  {
    'x-kubernetes-validations': [
      {
        rule: "self.operator in ['In', 'NotIn'] ? has(self.values) && size(self.values) > 0 : !has(self.values) || size(self.values) == 0",
        message: 'In and NotIn need values; Exists and DoesNotExist have none',
      },
    ],
  },
)

const NamespaceSelector = optional(
  object(
    {
      matchLabels: stringMap(
        'Labels that a namespace must have; `kubernetes.io/metadata.name` is its name.',
      ),
      matchExpressions: optional(
        Type.Array(MatchExpression, {
          maxItems: 16,
          description: 'Further requirements; all must hold.',
          'x-kubernetes-list-type': 'atomic',
        }),
      ),
    },
    { description: 'Namespaces that the policy is for. Absent or empty: every namespace.' },
  ),
)

const LIMITS = [
  'maxAcceleratorsPerJob',
  'allowedModelSources',
  'allowedDatasetSources',
  'allowedOutputs',
  'requireQueue',
  'allowedMethods',
  'maxSequenceLength',
  'allowedPodTemplateFields',
] as const

export const TuningPolicySpecSchema = object(
  {
    namespaceSelector: NamespaceSelector,
    maxAcceleratorsPerJob: optional(
      Type.Integer({
        minimum: 0,
        maximum: 1024,
        description: 'Most accelerators that a job may ask for; 0: CPU only.',
      }),
    ),
    allowedModelSources: uriPrefixes(
      'Where models, and adapters to go on from, may come from',
      MODEL_SCHEMES,
    ),
    allowedDatasetSources: uriPrefixes(
      'Where examples, validation examples too, may come from',
      DATASET_SCHEMES,
    ),
    allowedOutputs: uriPrefixes('Where results may go', OUTPUT_SCHEMES),
    requireQueue: optional(
      Type.Boolean({
        description: `Jobs must name a queue in \`spec.queueName\`, and InstructionDatasets in the label \`${QUEUE_LABEL}\`.`,
      }),
    ),
    allowedMethods: optional(
      Type.Array(oneOf(METHOD_TYPES), {
        maxItems: 8,
        description: 'Values that `spec.method.type` may have. Absent: all; empty: none.',
        'x-kubernetes-list-type': 'set',
      }),
    ),
    maxSequenceLength: optional(
      Type.Integer({
        minimum: 16,
        maximum: 131072,
        description: 'Upper bound of `spec.training.sequenceLength`.',
      }),
    ),
    allowedPodTemplateFields: optional(
      Type.Array(oneOf(POD_TEMPLATE_FIELDS), {
        maxItems: 32,
        description:
          'Fields of `spec.podTemplate` that may be set; `nodeSelector` and `tolerations` are also those of `spec.resources.accelerator`. Absent: all; empty: none.',
        'x-kubernetes-list-type': 'set',
      }),
    ),
  },
  {
    description: 'What the jobs of these namespaces may ask for.',
    'x-kubernetes-validations': [
      {
        rule: LIMITS.map(limit => `has(self.${limit})`).join(' || '),
        message: 'a policy without a limit does nothing; give at least one',
      },
    ],
  },
)

export type TuningPolicySpec = Static<typeof TuningPolicySpecSchema>
