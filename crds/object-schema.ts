/** What the schemas of all kinds share: the whole object around spec and status, and the rule of its name. */
import { API_VERSION } from './api-group.ts'
import type { SchemaNode } from './schema-node.ts'

/** A DNS-1123 label: names of pods, Jobs and claims are made of it. */
export const NAME_MAX = 63
export const NAME_PATTERN = '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$'

type Parts = {
  readonly kind: string
  readonly description: string
  readonly spec: SchemaNode
  readonly status?: SchemaNode
}

export const objectSchema = ({ kind, description, spec, status }: Parts): SchemaNode => ({
  type: 'object',
  description,
  required: ['spec'],
  properties: {
    apiVersion: { type: 'string', description: `\`${API_VERSION}\`.` },
    kind: { type: 'string', description: `\`${kind}\`.` },
    metadata: { type: 'object' },
    spec,
    ...(status ? { status } : {}),
  },
})

/** Of a kind whose name goes into the names of other objects. */
export const labelNamedSchema = (parts: Parts): SchemaNode => {
  const schema = objectSchema(parts)
  return {
    ...schema,
    properties: {
      ...schema.properties,
      // named here so that a rule may point at it
      metadata: { type: 'object', properties: { name: { type: 'string' } } },
    },
    'x-kubernetes-validations': [
      {
        rule: `self.metadata.name.size() <= ${NAME_MAX} && self.metadata.name.matches('${NAME_PATTERN}')`,
        fieldPath: '.metadata.name',
        message: `must be a DNS-1123 label: at most ${NAME_MAX} of a-z, 0-9 and -, first and last no -`,
      },
    ],
  }
}
