/** `spec.podTemplate`: what tenants may set of their pods; whatever is not here is the operator's. */
import {
  ALLOWED_VARIABLES,
  RESERVED_PREFIXES,
  TENANT_VARIABLE_PREFIX,
} from '../pod-template-fields.ts'
import { type CelRule, defaulted, object, optional, stringMap, Type } from '../schema.ts'
import { secretName } from './common.ts'
import { tolerations } from './pods.ts'
import { affinity, topologySpreadConstraints } from './scheduling.ts'
import { VARIABLE } from '../patterns.ts'

const VARIABLES_MAX = 64

const noneStartsWith = (name: string, prefixes: readonly string[]) =>
  prefixes.map(prefix => `!${name}.startsWith('${prefix}')`).join(' && ')

const noReservedKeys: CelRule = {
  rule: `self.all(key, ${noneStartsWith('key', RESERVED_PREFIXES)})`,
  message: `keys that start with ${RESERVED_PREFIXES.join(', ')} are not for tenants`,
}

const keys = (description: string) =>
  Type.Optional(
    Type.Unsafe<Record<string, string>>({
      ...stringMap(description),
      'x-kubernetes-validations': [noReservedKeys],
    }),
  )

const Variable = object(
  {
    name: Type.String({
      minLength: 1,
      maxLength: 128,
      pattern: VARIABLE,
      description: 'Name of the variable.',
    }),
    value: Type.String({ maxLength: 4096, description: 'Its value, as it stands here.' }),
  },
  {
    'x-kubernetes-validations': [
      {
        rule: `self.name in [${ALLOWED_VARIABLES.map(name => `'${name}'`).join(', ')}] || self.name.startsWith('${TENANT_VARIABLE_PREFIX}')`,
        message: `only ${ALLOWED_VARIABLES.join(', ')} and names that start with ${TENANT_VARIABLE_PREFIX} may be set`,
      },
    ],
  },
)

const name = (what: string) =>
  optional(
    Type.String({
      minLength: 1,
      maxLength: 253,
      description: what,
    }),
  )

export const PodTemplate = defaulted(
  {
    labels: keys('Further pod labels.'),
    annotations: keys('Further pod annotations.'),
    nodeSelector: stringMap('Node labels of every stage.'),
    tolerations,
    affinity,
    topologySpreadConstraints,
    imagePullSecrets: optional(
      Type.Array(object({ name: secretName }), {
        maxItems: 8,
        description: 'Secrets to pull the trainer image with.',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
      }),
    ),
    runtimeClassName: optional(
      Type.String({ maxLength: 253, description: 'RuntimeClass of the pods.' }),
    ),
    priorityClassName: optional(
      Type.String({ maxLength: 253, description: 'PriorityClass of the pods.' }),
    ),
    serviceAccountName: name(
      'ServiceAccount of the pods, e.g. for its pull secrets; its token is never mounted. Absent: `default`.',
    ),
    env: optional(
      Type.Array(Variable, {
        maxItems: VARIABLES_MAX,
        description: `Further variables of the container: ${ALLOWED_VARIABLES.map(name => `\`${name}\``).join(', ')}, and names that start with \`${TENANT_VARIABLE_PREFIX}\`.`,
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
      }),
    ),
  },
  { description: 'What the pods of every stage carry besides.' },
)
