/** JSON Schema of the definitions → structural OpenAPI v3 schema of a CustomResourceDefinition. */
import type { CelRule } from './schema.ts'
import type { SchemaNode } from './schema-node.ts'

/** In the order in which they are written. */
const COPIED = [
  'description',
  'type',
  'format',
  'default',
  'enum',
  'pattern',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'maxProperties',
  'anyOf',
  'oneOf',
  'required',
  'x-kubernetes-int-or-string',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
] as const satisfies readonly (keyof SchemaNode)[]
const TRANSLATED = [
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'items',
  'properties',
  'additionalProperties',
  'x-kubernetes-validations',
] as const satisfies readonly (keyof SchemaNode)[]
const KNOWN: ReadonlySet<string> = new Set([...COPIED, ...TRANSLATED])

export type OpenApiSchema = Readonly<Record<string, unknown>>

const refuseUnknown = (node: SchemaNode, at: string): void => {
  const foreign = Object.keys(node).find(key => !KNOWN.has(key))
  if (foreign) throw new TypeError(`${at}: '${foreign}' has no place in a structural schema`)
  if (node.anyOf && !node['x-kubernetes-int-or-string'])
    throw new TypeError(`${at}: anyOf is allowed only for an int-or-string`)
  // RE2, which the API server uses, has neither look-around nor back-references
  if (node.pattern?.includes('(?'))
    throw new TypeError(`${at}: pattern ${node.pattern} is not plain RE2`)
}

/** OpenAPI 3.0 has `exclusiveMinimum` as a boolean beside `minimum`. */
const bounds = (node: SchemaNode): OpenApiSchema => ({
  ...(node.minimum === undefined ? {} : { minimum: node.minimum }),
  ...(node.exclusiveMinimum === undefined
    ? {}
    : { minimum: node.exclusiveMinimum, exclusiveMinimum: true }),
  ...(node.maximum === undefined ? {} : { maximum: node.maximum }),
  ...(node.exclusiveMaximum === undefined
    ? {}
    : { maximum: node.exclusiveMaximum, exclusiveMaximum: true }),
})

const ruleForCluster = ({ clusterOnly: _, ...rule }: CelRule): Omit<CelRule, 'clusterOnly'> => rule

/**
 * Defaults within a list stay out: `kubectl apply` and Argo CD take a list as a whole, and one with more in it than
 * the manifest has would differ from it for ever. The operator fills them in.
 * @throws TypeError where a keyword cannot stand in a CRD, with the field's path
 */
export const structuralSchema = (
  node: SchemaNode,
  at = 'schema',
  inList = false,
): OpenApiSchema => {
  refuseUnknown(node, at)
  const copied = COPIED.filter(key => !(inList && key === 'default')).flatMap(key =>
    node[key] === undefined ? [] : [[key, node[key]] as const],
  )
  const rules = node['x-kubernetes-validations']
  return {
    ...Object.fromEntries(copied),
    ...bounds(node),
    ...(rules ? { 'x-kubernetes-validations': rules.map(ruleForCluster) } : {}),
    ...(node.items ? { items: structuralSchema(node.items, `${at}[]`, true) } : {}),
    ...(node.properties
      ? {
          properties: Object.fromEntries(
            Object.entries(node.properties).map(([key, child]) => [
              key,
              structuralSchema(child, `${at}.${key}`, inList),
            ]),
          ),
        }
      : {}),
    ...(node.additionalProperties
      ? { additionalProperties: structuralSchema(node.additionalProperties, `${at}.*`, inList) }
      : {}),
  }
}
